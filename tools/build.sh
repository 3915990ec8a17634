# Building: meson once per folder, ninja each time. Sourced by ./dev.

# build [SET...]: installs what is needed (and the further sets), and builds into build/.
build()
{
    setup build "$@"
    reach_servers
    build_folder build 'Building' --buildtype=debugoptimized
}

# Puts into PATH where Debian keeps what tests and benchmarks start, and a person's PATH lacks: nginx, initdb.
reach_servers()
{
    local folder
    for folder in /usr/sbin /usr/lib/postgresql/*/bin; do
        [ ! -d "$folder" ] || PATH=$PATH:$folder
    done
    export PATH
}

# The same code with the address and undefined-behaviour sanitizers.
build_sanitized()
{
    # gcc warns of what the sanitizers' own code does, so the plain build is the strict one.
    build_folder build-asan 'Building with sanitizers' --buildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-Wno-error
}

# With the thread sanitizer, which cannot be together with the others.
build_racing()
{
    build_folder build-tsan 'Building with the thread sanitizer' --buildtype=debugoptimized \
        -Db_sanitize=thread -Db_lundef=false -Dc_args=-Wno-error
}

# The fuzz targets alone, with the same sanitizers and clang.
build_fuzz()
{
    CC=clang target=fuzz build_folder build-fuzz 'Building fuzz targets' --buildtype=debugoptimized -Dfuzz=true \
        -Db_sanitize=address,undefined -Db_lundef=false '-Dc_args=-fsanitize=fuzzer-no-link -Wno-error'
}

# build_folder FOLDER TITLE OPTION...: $target of it, or everything.
build_folder()
{
    local folder=$1 title=$2
    shift 2
    if [ ! -e "$folder/build.ninja" ]; then
        step "Configuring $folder" meson setup "$folder" "$@" \
            -Dyyjson_dir="$(yyjson_dir)" -Dduckdb_dir="$deps/duckdb"
    fi
    if ninja -C "$folder" -n "${target:-all}" 2>/dev/null | grep -q '^ninja: no work to do'; then
        return
    fi
    step "$title" ninja -C "$folder" "${target:-all}"
}
