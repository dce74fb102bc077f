#!/usr/bin/env bash
# Installs what the tests run against: a Redis, a Java, the jars of Apache Kafka in .services/kafka, and a Node.
# With arguments: installs these Debian packages instead, where it may, else says the line to type.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages() {
    local root=()
    if [ "$(id -u)" != 0 ]; then root=(sudo -n); fi
    if ! command -v apt-get >/dev/null || { [ ${#root[@]} != 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "Missing; type: sudo apt-get update && sudo apt-get install -y --no-install-recommends $*" >&2
        exit 1
    fi
    echo "installing $* with apt-get"
    mkdir -p .services
    if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"; } >.services/apt.log 2>&1; then
        tail -n 20 .services/apt.log >&2
        exit 1
    fi
}

java_is_17() {
    java -version 2>&1 | grep -qE 'version "(1[7-9]|[2-9][0-9])'
}

if [ $# != 0 ]; then
    packages "$@"
    exit
fi

pom=tests/services/pom.xml
jars=.services/kafka # the copy of the pom in it is written last

missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
command -v node >/dev/null || command -v nodejs >/dev/null || missing+=(nodejs)
java_is_17 || missing+=(default-jre-headless)
cmp -s "$pom" "$jars/pom.xml" || command -v mvn >/dev/null || missing+=(maven)
if [ ${#missing[@]} != 0 ]; then packages "${missing[@]}"; fi
if ! java_is_17; then
    echo "Kafka 4 needs Java 17 or later first on the PATH; this is $(java -version 2>&1 | head -n 1)" >&2
    exit 1
fi

if ! cmp -s "$pom" "$jars/pom.xml"; then
    echo "fetching Apache Kafka with Maven"
    rm -rf "$jars"
    mkdir -p "$jars"
    if ! mvn --batch-mode --quiet --file "$pom" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$PWD/$jars" >.services/maven.log 2>&1; then
        tail -n 20 .services/maven.log >&2
        exit 1
    fi
    cp "$pom" "$jars/pom.xml"
fi
