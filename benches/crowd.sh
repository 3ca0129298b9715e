#!/bin/sh
# Slow clients of five kinds at once: slow heads, slow bodies, slow readers, idle ones, and ones that pipeline requests
# and never read. All must be cut, ordinary requests must stay under 100 ms at p95, and the memory of cfpd must grow
# by less than 64 MiB for 500 of each. The test suite has 50 of each kind come and judges no times; this judges them.
#
#   sh benches/crowd.sh [EACH]       (500 without it; the limit of descriptors must allow five times as many)
set -eu

each=${1:-500}
cd "$(dirname "$0")/.."
said=$(mktemp "${TMPDIR:-/tmp}/cfp-bench.XXXXXX")
trap 'rm -f "$said"' EXIT

CFP_CROWD=$each cargo test -q --release --locked --test main -- --exact --nocapture \
    hostile::crowd::a_crowd_of_slow_clients_is_cut_and_others_are_served >"$said" 2>&1 || { cat "$said" >&2; exit 1; }
sed -n 's/^crowd: //p' "$said"
p95=$(sed -n 's/.*p95 \([0-9]*\) ms.*/\1/p' "$said")
grown=$(sed -n 's/.*memory grew by \([0-9]*\) KiB.*/\1/p' "$said")
[ "$grown" -lt $((each * 65536 / 500)) ] || { echo "memory grew by $grown KiB: too much" >&2; exit 1; }
[ "$p95" -lt 100 ] || { echo "p95 of ordinary requests is $p95 ms: not under 100" >&2; exit 1; }
