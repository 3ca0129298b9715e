#!/bin/sh
# cfpd beside what people use now, in one run on the same files: nginx with WebDAV, and dufs. The best of three turns,
# which go around. Nothing is synced, for none of the others syncs; all of it lies in memory, so that no disk is measured.
# Prints a Markdown table for docs/benchmarks.md.
#
#   sh benches/field.sh [SECONDS]    (3 for each load without it; needs `make`, nginx, wrk, curl and GNU grep; dufs is
#                                    left out where it is not there: cargo install dufs)
set -eu

seconds=${1:-3}
here=$(cd "$(dirname "$0")/.." && pwd)
PATH=$here/target/release:$PATH:/usr/sbin
work=$(mktemp -d "${TMPDIR:-/dev/shm}/cfp-bench.XXXXXX")
trap 'kill $(cat "$work"/*.pid) 2>/dev/null; wait; rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/files/many" "$work/nginx"
port=$((20000 + $$ % 10000))

# What is served: a page, a picture's worth, a large text, a directory of many.
cd "$work/files"
head -c 1000 "$here/LICENSE-APACHE" >small
while :; do cat "$here/LICENSE-APACHE"; done 2>/dev/null | head -c $((1 << 30)) >large
head -c 102400 large >medium
(cd many && seq -f 'file-%05g' 10000 | xargs touch)
chmod -R a+rwX .

cat >"$work/nginx.conf" <<CONF
user root; worker_processes auto; daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path $work/nginx;
  server { listen 127.0.0.1:$((port + 1)); root $work/files; autoindex on; dav_methods PUT DELETE; }
}
CONF
cfpd --root "$work/files" --listen 127.0.0.1:$port --no-sync >"$work/cfpd.log" 2>&1 &
echo $! >"$work/cfpd.pid"
nginx -c "$work/nginx.conf" -p "$work" &
servers='cfpd nginx'
if command -v dufs >/dev/null; then
    dufs --allow-all --bind 127.0.0.1 --port $((port + 2)) --log-format '' "$work/files" >/dev/null 2>&1 &
    echo $! >"$work/dufs.pid"
    servers="$servers dufs"
fi

url_of() {
    case $1 in
        cfpd) echo "http://127.0.0.1:$port" ;;
        nginx) echo "http://127.0.0.1:$((port + 1))" ;;
        dufs) echo "http://127.0.0.1:$((port + 2))" ;;
    esac
}

load() {
    wrk -t1 -c32 -d"${seconds}s" "$@" | sed -n 's/^Requests.sec: *//p'
}

mib_each_second() {
    curl -fsS -o "$work/out" "$@" | awk '{ printf "%.0f", $1 / 1048576 }'
}

seconds_of() {
    /usr/bin/time -f %e -o "$work/time" sh -c "$1" >/dev/null
    cat "$work/time"
}

# What is measured of a server, by its name and its URL.
requests_small() { load "$2/small"; }
requests_medium() { load "$2/medium"; }
connections_small() { load -H 'Connection: close' "$2/small"; }
get_large() { mib_each_second -w '%{speed_download}' "$2/large"; }
put_large() { mib_each_second -w '%{speed_upload}' -T "$work/files/large" "$2/put"; }
list_many() { seconds_of "for turn in 1 2 3 4 5 6 7 8 9 10; do curl -fsS '$2/many/'; done"; }
count_word() {
    case $1 in
        cfpd) seconds_of "cfp-search -s '$2' License :large" ;;
        *) seconds_of "curl -fsS '$2/large' | grep -owF License | wc -l" ;;
    esac
}

for server in $servers; do
    until curl -fsS -o /dev/null "$(url_of $server)/small" 2>/dev/null; do
        kill -0 "$(cat "$work/$server.pid")" || exit 1
    done
done

row() {
    what=$1 measure=$2 order=$3
    for _ in 1 2 3; do
        for server in $servers; do
            $measure $server "$(url_of $server)" >>"$work/$measure.$server"
            echo >>"$work/$measure.$server"
        done
    done
    printf '| %s |' "$what"
    for server in $servers; do printf ' %s |' "$(sed '/^$/d' "$work/$measure.$server" | sort $order | head -n 1)"; done
    echo
}

printf '| what |'; printf ' %s |' $servers; echo
printf '|---|'; for _ in $servers; do printf '%s' '---|'; done; echo
row 'requests a second, 1000 bytes' requests_small -gr
row 'requests a second, 100 KiB' requests_medium -gr
row 'the same, 1000 bytes, a connection each' connections_small -gr
row 'download of 1 GiB, MiB a second' get_large -gr
row 'upload of 1 GiB, MiB a second' put_large -gr
row 'ten lists of 10,000 files, seconds' list_many -g
row 'count of a word in 1 GiB, seconds' count_word -g
