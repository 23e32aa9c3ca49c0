#!/bin/sh
# Fetch Prometheus 3 from Debian's newest suite, and unpack it into a folder: `make test`.
#
# Rules and panels are checked by it and by the Prometheus 2 of `make stack`. Nothing is installed, and the
# machine's own list of sources stays as it is.
set -eu

folder=$1
suite=sid

rm -rf "$folder"
mkdir -p "$folder/apt/lists" "$folder/apt/cache"
cd "$folder"

mirror() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1; }
site=$(mirror)
[ -n "$site" ] || { [ "$(id -u)" = 0 ] && apt-get -qq update && site=$(mirror); } || true

echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" > apt/sources.list
apart() {
    apt-get -qq -o Dir::Etc::sourcelist="$PWD/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt/cache" -o Acquire::Languages=none \
        -o APT::Sandbox::User= "$@"
}
[ -n "$site" ] && apart update && apart download prometheus promtool || {
    echo "Prometheus 3 cannot be fetched from Debian's suite $suite: run 'sudo apt-get update' and try again," \
        "or put the programs prometheus and promtool of a version 3 into $folder/usr/bin." >&2
    exit 1
}
for package in *.deb; do dpkg --extract "$package" .; done
rm -rf -- apt *.deb
touch complete
