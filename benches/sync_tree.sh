#!/bin/sh
# cfp-sync beside rsync to its daemon, in one run on the same files: 10,000 of 4 KiB in 100 directories. The median of
# the rounds, which go around, and the seconds of CPU of client and server together. Nothing is synced, for rsync does not;
# all of it lies in memory, so that no disk is measured. Prints a Markdown table for docs/benchmarks.md.
#
#   sh benches/sync_tree.sh [ROUNDS [JOBS ...]]    (5 rounds with 1 2 4 8 16 jobs without them; needs `make` and rsync)
set -eu

rounds=${1:-5}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- 1 2 4 8 16
here=$(cd "$(dirname "$0")/.." && pwd)
PATH=${CARGO_TARGET_DIR:-$here/target}/release:$PATH
work=$(mktemp -d "${TMPDIR:-/dev/shm}/cfp-bench.XXXXXX")
trap 'kill $(cat "$work"/*.pid) 2>/dev/null; wait; rm -rf "$work"' EXIT
port=$((20000 + $$ % 10000))
mkdir -p "$work/root" "$work/modules" "$work/tree"

number=0
while [ $number -lt 10000 ]; do
    directory=$work/tree/$((number / 100))
    [ $((number % 100)) -ne 0 ] || mkdir "$directory"
    number=$((number + 1))
    echo "$directory/$number"
done >"$work/names"
head -c 4096 "$here/LICENSE-APACHE" >"$work/one"
xargs -n 1000 sh -c 'tee "$@" <"$0" >/dev/null' "$work/one" <"$work/names"

cat >"$work/rsyncd.conf" <<CONF
port = $((port + 1))
address = 127.0.0.1
use chroot = no
pid file = $work/rsyncd.pid
[all]
path = $work/modules
read only = no
uid = $(id -u)
gid = $(id -g)
CONF
cfpd --root "$work/root" --listen 127.0.0.1:$port --no-sync >"$work/cfpd.log" 2>&1 &
echo $! >"$work/cfpd.pid"
rsync --daemon --config="$work/rsyncd.conf"
CFP_SERVER=http://127.0.0.1:$port
export CFP_SERVER
until grep -q listening "$work/cfpd.log" && [ -s "$work/rsyncd.pid" ]; do kill -0 "$(cat "$work/cfpd.pid")"; done

# The clock ticks that a daemon and the children it has waited for have used.
ticks() {
    pid=$(cat "$work/$1.pid")
    while [ -n "$(cat "/proc/$pid/task/$pid/children")" ]; do :; done
    sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 + $14 + $15 }'
}

# Runs a command of a program against its daemon, and notes seconds and seconds of CPU.
measure() {
    what=$1 daemon=$2
    shift 2
    before=$(ticks "$daemon")
    /usr/bin/time -f '%e %U %S' -o "$work/time" "$@" >/dev/null
    after=$(ticks "$daemon")
    awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" \
        '{ printf "%.2f %.2f\n", $1, $2 + $3 + ticks / hz }' "$work/time" >>"$work/$what"
}

round() {
    for jobs; do
        rm -rf "$work/root/up" "$work/down"
        measure "cfp-sync -j$jobs:send" cfpd cfp-sync -q -j"$jobs" "$work/tree" :up/
        measure "cfp-sync -j$jobs:again" cfpd cfp-sync -q -j"$jobs" "$work/tree" :up/
        measure "cfp-sync -j$jobs:fetch" cfpd cfp-sync -q -j"$jobs" :up/ "$work/down"
    done
    rm -rf "$work/modules/up" "$work/down"
    url=rsync://127.0.0.1:$((port + 1))/all/up/
    measure rsync:send rsyncd rsync -rt "$work/tree/" "$url"
    measure rsync:again rsyncd rsync -rt "$work/tree/" "$url"
    measure rsync:fetch rsyncd rsync -rt "$url" "$work/down"
}

left=$rounds
while [ "$left" -gt 0 ]; do
    round "$@"
    left=$((left - 1))
done

median() {
    cut -d ' ' -f "$2" "$work/$1" | sort -g | sed -n "$((rounds / 2 + 1))p"
}

echo '| program | send, s | CPU | again, s | CPU | fetch, s | CPU |'
echo '|---|---|---|---|---|---|---|'
for jobs; do echo "cfp-sync -j$jobs"; done | { cat; echo rsync; } | while read -r program; do
    printf '| `%s` |' "$program"
    for what in send again fetch; do
        printf ' %s | %s |' "$(median "$program:$what" 1)" "$(median "$program:$what" 2)"
    done
    echo
done
