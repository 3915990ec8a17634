# Tests: every suite in build/, then, under the sanitizers, the suites without processes of
# their own, and the whole stack with bad input; beside all that the fuzz targets. Sourced by ./dev.

# run_tests [--fast | --races] [--rounds N] [--against REV] [NAME...]: a NAME is a suite or a test. --fast: without the
# sanitizers and fuzzing. --races: these (unit and service unless named), under the thread sanitizer alone. --rounds: the long form of tests that go in rounds, without a limit of time; of fuzz targets so many
# minutes. --against: the commit that mixed versions meet.
# The last line printed is the count over everything: `N passed, N failed`.
run_tests()
{
    local names=() sanitize=yes races='' runs=() status=0 limit=1
    while [ $# -gt 0 ]; do
        case $1 in
        --fast) sanitize='' ;;
        --races) races=yes ;;
        --rounds)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die 'test: --rounds wants a number'
            export FANFARE_TEST_ROUNDS=$2
            limit=0
            shift
            ;;
        --against)
            [ -n "${2:-}" ] || die 'test: --against wants a commit'
            export FANFARE_TEST_AGAINST=$2
            shift
            ;;
        -*) die "test: no such option: $1" ;;
        *) names+=("$1") ;;
        esac
        shift
    done
    build test
    ! wants_peers "${names[@]}" || setup peers
    if [ -n "$races" ]; then
        build_racing
        [ ${#names[@]} -gt 0 ] || names=(unit service)
        run_in build-tsan "${names[@]}"
    elif [ "${names[*]}" = fuzz ]; then
        build_fuzz
        run_in build-fuzz fuzz
    elif [ ${#names[@]} -gt 0 ]; then
        run_in build "${names[@]}"
    elif [ -n "$sanitize" ]; then
        start_fuzzing
        run_in build
        build_sanitized
        run_in build-asan unit service flow-bad-input
        end_fuzzing
    else
        run_in build
    fi
    python3 tools/tests.py count "${runs[@]}"
}

# wants_peers NAME...: they take minutes, and their first time a compiler's too.
wants_peers()
{
    local name
    for name in "$@"; do
        case $name in peers | peers-*) return 0 ;; esac
    done
    return 1
}

# Fuzzing goes by time, so it takes what the tests leave of the processors.
start_fuzzing()
{
    mkdir -p "$logs"
    set -m # in a group of its own, which ends with this shell
    rm -f build-fuzz/meson-logs/testlog.json
    ( build_fuzz; jobs=1 run_in build-fuzz fuzz ) </dev/null >"$logs/fuzzing.log" 2>&1 &
    fuzzing=$!
    set +m
    renice -n 19 -g "$fuzzing" >/dev/null
    trap 'kill -- -"$fuzzing" 2>/dev/null || true' EXIT
}

end_fuzzing()
{
    wait "$fuzzing" || true # a log that is missing counts as a failure
    trap - EXIT
    grep -E '^ *[0-9]+/[0-9]+ ' "$logs/fuzzing.log" || cat "$logs/fuzzing.log"
    runs+=(build-fuzz/meson-logs/testlog.json)
}

# run_in FOLDER [NAME...]: runs them; what each test said is in FOLDER/meson-logs/, counted at the end.
run_in()
{
    local folder=$1 log=$1/meson-logs/testlog.json selected
    shift
    selected=$(python3 tools/tests.py select "$folder" "$@") || exit 1
    [ -n "$selected" ] || return 0
    rm -f "$log"
    say "Tests in $folder/"
    # meson's status is not asked: the log says which tests failed, and a log that is missing counts as a failure.
    local factor=$limit
    [ "$folder" = build ] || factor=4
    # shellcheck disable=SC2086 # names of tests have no spaces
    ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=1 \
        UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        TSAN_OPTIONS=suppressions=$root/tools/tsan.supp:ignore_noninstrumented_modules=1:halt_on_error=1 \
        LSAN_OPTIONS=suppressions=$root/tools/lsan.supp:print_suppressions=0 \
        PYTHONUNBUFFERED=1 \
        meson test -C "$folder" --no-rebuild --timeout-multiplier "$factor" ${jobs:+--num-processes "$jobs"} $selected </dev/null 2>&1 |
        grep --line-buffered -E '^ *[0-9]+/[0-9]+ |^ERROR' || true
    runs+=("$log")
}
