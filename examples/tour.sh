#!/bin/sh
# The tour: every row of what cfp is for, on real text, each checked. `cfpd -- sh examples/tour.sh` runs it.
#
# It says in one line what each row did, and ends at the first thing that is not as it should be. On the server it
# works in a directory of its own, and here in a temporary one; both are gone at the end.
set -eu

project=$(cd "$(dirname "$0")/.." && pwd)
text=/usr/share/common-licenses/GPL-3
[ -r "$text" ] || text=$project/LICENSE-APACHE
name=${text##*/}

work=$(mktemp -d)
there=tour-$$
daemon=
row='the beginning'

end() {
  status=$?
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || :
  cfp-rm -r -f -q "$there" 2>/dev/null || :
  rm -rf "$work"
  [ "$status" = 0 ] || echo "tour: failed at $row" >&2
  exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

# Begins a row, and says what it did.
row() { row=$1; }
did() { printf '%-3s %s\n' "$row" "$*"; }

# Fails, loudly, unless two texts are the same.
same() { [ "$1" = "$2" ] || { echo "tour: '$1' is not '$2'" >&2; exit 1; }; }

# Prints the exit status of a command that may fail.
status_of() { "$@" >/dev/null 2>&1 && echo 0 || echo $?; }

# Waits for each of the clients in `clients`, and fails if one of them did.
wait_for_clients() {
  for client in $clients; do wait "$client"; done
  clients=
}

cd "$work"
clients=
cp "$text" "$name"
cfp-put -t "$there" "$name"

row A1
count=$(grep -ow license "$name" | wc -l)
same "$(cfp-search license "$name")" "$count"
same "$(cfp-search license < "$name")" "$count"
same "$(cfp-search license ":$there/$name")" "$count"
did "'license' occurs $count times in $name (sent, from a pipe, and on the server)"

row A2
sed 's/\blicense\b/permit/g' "$name" > expected
cfp-replace license permit "$name" -o permit.txt
cmp expected permit.txt
cfp-replace license permit ":$there/$name" -o ":$there/permit.txt"
cfp-cat ":$there/permit.txt" | cmp expected -
did "'license' became 'permit' in permit.txt, here and on the server, as sed would have it"

row A3
words() { tr -s '[:space:]' '\n' < "$1" | grep .; }
cfp-reverse "$name" -o reversed.txt
words "$name" | tac > expected
words reversed.txt | cmp expected -
cfp-reverse reversed.txt | cmp - "$name"
cfp-reverse ":$there/$name" -o ":$there/reversed.txt"
cfp-cat ":$there/reversed.txt" | cmp - reversed.txt
did "$(wc -l < expected) words came out last first in reversed.txt; reversed again it is $name, byte for byte"

row A4
CFP_SERVER=unix:/nowhere cfp-cat "$name" | cmp - "$name"
did "$name was shown without a server"

row A5
cfp-shell > session <<SESSION
SEARCH license :$there/$name
REPLACE license permit :$there/$name second.txt
REVERSE :$there/$name third.txt
LOGOUT
SESSION
said=$(grep -wm 1 "$count" session)
cmp second.txt permit.txt
cmp third.txt reversed.txt
did "a session counted, replaced and reversed, and said: $said"

row A6
for id in $(seq 20); do cfp-replace -z always license permit "$name" -o "many-$id" & clients="$clients $!"; done
wait_for_clients
for id in $(seq 20); do cmp "many-$id" permit.txt; done
did '20 clients at once sent and received compressed; all 20 results are right'

row B1
cfp-put "$name" --as "$there/one"
cfp-mv "$there/one" "$there/two"
cfp-get "$there/two" -o fetched
cmp fetched "$name"
cfp-rm "$there/two"
same "$(status_of cfp-get "$there/two" -o -)" 2
did "$name was uploaded, renamed, downloaded and deleted, one command each"

row B2
large() { yes 'all work and no play makes a long file' | head -c 50000000; }
large | cfp-put - --as "$there/large"
cfp-get "$there/large" -o large
large | cmp - large
same "$(status_of cfp-put -n "$name" --as "$there/large")" 1
cfp-put permit.txt --as "$there/raced"
for id in $(seq 20); do
  cfp-put "$name" --as "$there/raced" && cfp-put permit.txt --as "$there/raced" &
  clients="$clients $!"
  cfp-get "$there/raced" -o "raced-$id" &
  clients="$clients $!"
done
wait_for_clients
for id in $(seq 20); do cmp -s "raced-$id" permit.txt || cmp "raced-$id" "$name"; done
did '50 MB went up and down in pieces; 20 readers among 20 writers each got one whole version of a file'

# A server on a TCP port that any client can reach: it has bound when it has said so.
mkdir web
cp "$name" web/bio.txt
mkfifo ready
cfpd --root web --listen 127.0.0.1:0 > ready &
daemon=$!
read -r line < ready
url=${line#cfpd: listening on }

row C1
if command -v curl > /dev/null; then
  curl -fsS "$url/bio.txt" | cmp - "$name"
  same "$(curl -s -o /dev/null -w '%{http_code}' "$url/nothing.txt")" 404
  did "curl fetched $url/bio.txt, and got 404 for $url/nothing.txt"
else
  cfp-get "$url/bio.txt" | cmp - "$name"
  cfp-get -i "$url/nothing.txt" > answer 2>&1 || :
  grep -q 404 answer
  did "cfp-get fetched $url/bio.txt, and got 404 for $url/nothing.txt (no curl here)"
fi

row C2
cfp-get -i "$url/bio.txt" > answer
tail -c "$(wc -c < "$name")" answer | cmp - "$name"
did "cfp-get -i printed '$(head -n 1 answer | tr -d '\r')', the fields, and $(wc -c < "$name") bytes"

row D1
cfp-shell > session <<SESSION
HELP
UPLOAD $name $there/session.txt
LIST $there
DOWNLOAD $there/session.txt session.txt
DELETE $there/session.txt
LOGOUT
SESSION
grep -q session.txt session
cmp session.txt "$name"
same "$(status_of cfp-get "$there/session.txt" -o -)" 2
did 'one session gave help, uploaded, listed, downloaded, deleted and logged out'

row E1
cfpd --root web --send-size 1000 -- sh -euc '
  clients=
  for id in $(seq 200); do cfp-get bio.txt -o "received_bio_$id.txt" & clients="$clients $!"; done
  for client in $clients; do wait "$client"; done
'
for id in $(seq 200); do cmp web/bio.txt "received_bio_$id.txt"; done
did '200 clients at once received bio.txt, at most 1000 bytes a send; cmp finds no difference in any copy'
