# Building: meson once per folder, ninja each time. Sourced by ./dev.

# build [SET...]: installs what is needed (and the further sets), and builds into build/.
build()
{
    setup build "$@"
    build_folder build 'Building' --buildtype=debugoptimized
}

# The same code with the address and undefined-behaviour sanitizers.
build_sanitized()
{
    build_folder build-asan 'Building with sanitizers' --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-Wno-error # gcc warns of what the sanitizers' own code does; the plain build is the strict one
}

build_folder()
{
    local folder=$1 title=$2
    shift 2
    if [ ! -e "$folder/build.ninja" ]; then
        step "Configuring $folder" meson setup "$folder" "$@" \
            -Dyyjson_dir="$(yyjson_dir)" -Dduckdb_dir="$deps/duckdb"
    fi
    if ninja -C "$folder" -n 2>/dev/null | grep -q '^ninja: no work to do'; then
        return
    fi
    step "$title" ninja -C "$folder"
}
