#!/bin/sh
# Time and peak memory of each filter on one large text: stored, sent, streamed through a pipe, and --local.
# Prints a Markdown table for docs/benchmarks.md.
#
#   sh benches/filters.sh [MIB]      (2048 without it; needs `cargo build --release` and GNU time)
set -eu

mib=${1:-2048}
here=$(cd "$(dirname "$0")/.." && pwd)
PATH=$here/target/release:$PATH
work=$(mktemp -d "${TMPDIR:-/tmp}/cfp-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"

# The licence the project comes with, over and over: real words, real lines.
text=$work/root/text
while :; do cat "$here/LICENSE-APACHE"; done 2>/dev/null | head -c "$((mib << 20))" >"$text"

cat >"$work/rows" <<'ROWS'
row() {
    what=$1
    shift
    if /usr/bin/time -f '%e %M' -o "$WORK/time" sh -c "$*" >/dev/null; then
        read -r seconds kib <"$WORK/time"
        printf '| %s | %s | %s |\n' "$what" "$seconds" "$kib"
    else
        printf '| %s | failed | |\n' "$what"
    fi
}
for source in ":text" "$TEXT" "-" "--local $TEXT"; do
    case $source in
        :*) where=stored ;;
        --*) where=local ;;
        -) where=streamed ;;
        *) where=sent ;;
    esac
    feed=exec
    [ "$where" != streamed ] || feed="cat $TEXT |"
    file=${source#--local }
    flag=${source%"$file"}
    row "search, $where" "$feed cfp-search $flag License $file"
    row "replace, $where" "$feed cfp-replace $flag License Licence $file"
    row "reverse, $where" "$feed cfp-reverse $flag $file"
done
row "get" "exec cfp-get text -o -"
row "put" "exec cfp-put $TEXT --as copy"
row "replace, stored to stored" "exec cfp-replace License Licence :text -o :copy"
ROWS

printf 'One text of %s MiB; seconds, and the peak memory of the client in KiB.\n\n' "$mib"
printf '| what | seconds | KiB |\n|---|---|---|\n'
WORK=$work TEXT=$text /usr/bin/time -f '%M' -o "$work/daemon" \
    cfpd --root "$work/root" -- sh "$work/rows"
printf '\nPeak memory of the daemon, which served all of it: %s KiB.\n' "$(tail -n 1 "$work/daemon")"
