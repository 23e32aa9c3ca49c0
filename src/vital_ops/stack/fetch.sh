#!/bin/sh
# Fetch what runs beside the engine from Debian, and unpack it into a folder: `make stack`, `vital ops fetch`.
#
# Nothing is installed: no service starts, and nothing changes but the folder.
set -eu

folder=$1
packages="prometheus prometheus-alertmanager redis-server redis-tools libatomic1 libjemalloc2 liblzf1 pgbouncer
    libc-ares2 libevent-2.1-7"

rm -rf "$folder"
mkdir -p "$folder/bin"
cd "$folder"
download() { apt-get -qq download $packages 2>/dev/null; }
download || { [ "$(id -u)" = 0 ] && apt-get -qq update && download; } || {
    echo "What runs beside the engine cannot be fetched: put prometheus, promtool, alertmanager, amtool," \
        "redis-server and pgbouncer on the PATH, or on Debian run 'sudo apt-get update' and try again." >&2
    exit 1
}
for package in *.deb; do dpkg --extract "$package" .; done
rm -- *.deb

# Redis and PgBouncer, with the libraries that were unpacked beside them.
wrap() {
    cat > "bin/$1" << END
#!/bin/sh
stack=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
LD_LIBRARY_PATH=\$(echo "\$stack"/usr/lib/*-linux-gnu*) exec "\$stack/$2" "\$@"
END
}
wrap redis-server usr/bin/redis-server
wrap pgbouncer usr/sbin/pgbouncer

# Debian's Alertmanager reads its templates from /usr/share/prometheus/alertmanager, and nobody can tell it
# another place. So that path is replaced, within the program, by one of the same length that leads
# to a folder which is opened before it starts.
LC_ALL=C sed -i 's#/usr/share/prometheus/alertmanager#/proc/self/fd/9///////////////////#g' usr/bin/prometheus-alertmanager
cat > bin/prometheus-alertmanager << 'END'
#!/bin/sh
# Alertmanager, with the templates that were unpacked beside it.
stack=$(dirname "$(dirname "$(readlink -f "$0")")")
exec 9< "$stack/usr/share/prometheus/alertmanager"
exec "$stack/usr/bin/prometheus-alertmanager" "$@"
END

chmod +x bin/*
touch complete
