# What every part of ./dev shares: words to the person, and commands whose noise goes to a log.
# Sourced, never run. `root` is the top of the checkout.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

logs=$root/build/log

say()  { printf '%s\n' "$*"; }
note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }
die()  { printf '%s%s%s\n' "$red" "dev: $*" "$plain" >&2; exit 1; }

# step TITLE COMMAND...: one line with the time it took; what the command says goes to a log, and is shown only
# when it fails, which ends ./dev. The command may be a function of ours; it stops at its first failure.
# (For that, call step as a command of its own: bash forgets `set -e` inside `if`, `||` and `&&`.)
step()
{
    local title=$1 log started=$SECONDS status
    shift
    mkdir -p "$logs"
    log=$logs/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9' '-' | tr 'A-Z' 'a-z').log
    [ -z "$bold" ] || printf '  %s ...' "$title"
    set +e
    ( set -e; "$@" ) </dev/null >"$log" 2>&1
    status=$?
    set -e
    [ -z "$bold" ] || printf '\r\e[K'
    if [ "$status" = 0 ]; then
        printf '  %s %s(%s s)%s\n' "$title" "$dim" "$((SECONDS - started))" "$plain"
        return
    fi
    printf '  %s: %sfailed%s\n' "$title" "$red" "$plain"
    { tail -n 40 "$log" | sed 's/^/    | /'; say "  All of it: ${log#"$root"/}"; } >&2
    exit "$status"
}

# as_root COMMAND...: directly, or by sudo.
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}

# may_be_root: whether as_root can work. Asks for the password here, where it can be seen.
may_be_root()
{
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -v; }
}

# Debian's name for this system (bookworm, trixie), or what it calls itself.
suite()
{
    ( . /etc/os-release && printf '%s' "${VERSION_CODENAME:-${ID:-unknown}}" )
}

arch() { dpkg --print-architecture; }
