#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for some seconds: tests/fuzz/run.sh [SECONDS [TARGET...]]
# The corpus is kept in build-fuzz/corpus. A finding stops it, with the input in build-fuzz/.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(json yaml schema pattern format rules template)

if [ ! -e build-fuzz/build.ninja ]; then
    options=()
    [ -d "${YYJSON_DIR:-deps/yyjson}" ] && options+=(-Dyyjson_dir="$(realpath "${YYJSON_DIR:-deps/yyjson}")")
    [ -d "${DUCKDB_DIR:-deps/duckdb}" ] && options+=(-Dduckdb_dir="$(realpath "${DUCKDB_DIR:-deps/duckdb}")")
    CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args='-fsanitize=fuzzer-no-link -Wno-error' "${options[@]}"
fi
programs=()
for target in "${targets[@]}"; do
    programs+=("tests/fuzz/fuzz_$target")
done
ninja -C build-fuzz -j2 "${programs[@]}"

conformance=${FANFARE_CONFORMANCE:-../shared/conformance}
if [ -d "$conformance" ] && [ ! -d build-fuzz/corpus ]; then
    python3 tests/fuzz/seeds.py "$conformance" build-fuzz/corpus
fi
for target in "${targets[@]}"; do
    mkdir -p "build-fuzz/corpus/$target"
    echo "== $target, $seconds s"
    status=0
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 "build-fuzz/tests/fuzz/fuzz_$target" \
        -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
        -dict=tests/fuzz/words.dict -artifact_prefix=build-fuzz/ "build-fuzz/corpus/$target" \
        >"build-fuzz/$target.log" 2>&1 || status=$?
    grep -E 'ERROR|SUMMARY|runtime error|number_of_executed_units|DONE|artifact_prefix|^ +#[0-9] ' \
        "build-fuzz/$target.log"
    [ "$status" -eq 0 ] || exit "$status"
done
