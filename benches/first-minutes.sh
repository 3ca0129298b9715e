#!/bin/sh
# The first minutes of somebody who has just cloned the project: builds it, serves a directory, stores a file, searches
# it and fetches it. Prints a Markdown table for docs/first-minutes.md: each command with its seconds and CPU
# seconds.
#
#   sh benches/first-minutes.sh        (needs git, make, cargo, a C compiler and GNU time; port 8398 must be free)
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/cfp-first.XXXXXX")
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" || :; wait; rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR CFP_SERVER RUSTFLAGS

# Runs a command of the table, and prints its row; with a second argument without its last line.
step() {
  /usr/bin/time -o "$work/time" -f '%e | %U %S' sh -euc "$1" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
  awk -v command="$1" -v last="$([ "${2:-}" ] || tail -n 1 "$work/out")" '{
    printf "| `%s` | %s | %.2f | %s |\n", command, $1, $3 + $4, last == "" ? "" : "`" last "`"
  }' "$work/time"
}

printf '| command | seconds | CPU seconds | its last line |\n|---|---|---|---|\n'
cd "$work"
step "git clone -q $here cfp" | sed "s,$here,URL,"
cd cfp
step make quiet
PATH=$work/cfp/target/release:$PATH
mkdir "$work/notes"
cd "$work/notes"
cfpd . >"$work/cfpd.out" 2>&1 &
daemon=$!
cd "$work/cfp"
step "until grep listening $work/cfpd.out; do kill -0 $daemon; done" | sed 's,`until.*done`,`cfpd . \&`,'
step 'cfp-put LICENSE-APACHE'
step 'cfp-search license :LICENSE-APACHE'
step 'cfp-get LICENSE-APACHE -o copy'
cmp -s LICENSE-APACHE copy
