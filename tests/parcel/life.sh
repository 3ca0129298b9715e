#!/bin/sh
# The life of the package on a machine without a running systemd: life.sh PACKAGE. Ends at the first thing that is not
# as it should be. What dpkg, useradd and man-db write down for themselves does not count as left.
set -eux

# What must fail. A `!` would not do: set -e passes over it.
fails() {
  if "$@"; then exit 1; fi
}

export DEBIAN_FRONTEND=noninteractive
here=$(mktemp -d)

files() {
  find /etc /opt /root /run /srv /usr /var -xdev \( -path /var/lib/dpkg -o -path /var/cache/man \) -prune -o -print |
    grep -v -e '^/var/log/dpkg\.log$' -e '^/etc/[a-z]*-$' -e '^/etc/\.pwd\.lock$' | LC_ALL=C sort
}

# As the service runs it, with a command in the place of clients; its end is the end of the daemon.
serve() {
  runuser -u cfpd -- cfpd --root /var/lib/cfpd --listen 127.0.0.1:8398 -- sh -euxc "unset CFP_SERVER; $1"
}

files >"$here/before"
dpkg -i "$1"
dpkg --verify cfp
for program in cfpd cfp-search cfp-replace cfp-reverse cfp-cat cfp-put cfp-get cfp-sync cfp-ls cfp-mv cfp-cp cfp-rm cfp-shell; do
  "$program" --version
  for name in bin/$program share/bash-completion/completions/$program share/fish/vendor_completions.d/$program.fish; do
    dpkg -L cfp | grep -qx "/usr/$name"
  done
  dpkg -L cfp | grep -q "/usr/share/man/man[18]/$program\.[18]\.gz"
done
[ "$(stat -c '%U %a' /var/lib/cfpd)" = 'cfpd 750' ]
[ "$(stat -c '%U:%G %a' /etc/cfpd)" = 'root:cfpd 750' ]
dpkg-query --show --showformat '${Conffiles}' cfp | grep '^ /etc/cfpd/cfpd.conf '
[ "$(grep -v -e '^#' -e '^$' /etc/cfpd/cfpd.conf)" = "root /var/lib/cfpd
log /var/log/cfpd/access.log" ]
runuser -u cfpd -- cfpd --config /etc/cfpd/cfpd.conf --log - --check

# The admin, with the default server.
serve '[ -z "$(cfp-ls)" ]; echo to be or not to be | cfp-put - --as notes.txt; [ "$(cfp-ls)" = notes.txt ]'
serve '[ "$(cfp-search be :notes.txt)" = 2 ]'

# Installed again, files and options are as they were.
echo 'CFPD_OPTIONS="--read-only"' >/etc/default/cfpd
echo max-connections 77 >>/etc/cfpd/cfpd.conf
dpkg -i "$1"
grep -q read-only /etc/default/cfpd
grep -qx 'max-connections 77' /etc/cfpd/cfpd.conf
dpkg --remove cfp
[ -f /etc/default/cfpd ]
[ -f /etc/cfpd/cfpd.conf ]
[ "$(cat /var/lib/cfpd/notes.txt)" = 'to be or not to be' ]
dpkg -i "$1"
serve '[ "$(cfp-cat :notes.txt)" = "to be or not to be" ]'

dpkg --purge cfp
files >"$here/after"
[ -z "$(LC_ALL=C comm -23 "$here/before" "$here/after")" ]
LC_ALL=C comm -13 "$here/before" "$here/after" >"$here/left"
cat "$here/left"
fails grep -v -e '^/var/lib/cfpd$' -e '^/var/lib/cfpd/' "$here/left"
[ "$(cat /var/lib/cfpd/notes.txt)" = 'to be or not to be' ]
[ "$(stat -c %U /var/lib/cfpd/notes.txt)" = root ]
fails getent passwd cfpd
fails getent group cfpd

# A later installation has the files again, and nothing that links there lead to; it says what stays as it is.
echo secret >"$here/secret"
mkdir "$here/secrets"
echo secret >"$here/secrets/of"
ln -s "$here/secret" /var/lib/cfpd/link
ln -s "$here/secrets" /var/lib/cfpd/links
chmod 755 /var/lib/cfpd
dpkg -i "$1" >"$here/said"
cat "$here/said"
grep -q 'cfp: /var/lib/cfpd was there: .* modes stay as they are, 755 where a new one has 750' "$here/said"
[ "$(stat -c '%U %a' /var/lib/cfpd)" = 'cfpd 755' ]
[ "$(stat -c %U /var/lib/cfpd/link)" = cfpd ]
[ "$(stat -c %U "$here/secret" "$here/secrets" "$here/secrets/of" | sort -u)" = root ]
chown nobody "$here/secret" "$here/secrets" "$here/secrets/of"
dpkg --purge cfp
[ "$(stat -c %U /var/lib/cfpd/link)" = root ]
[ "$(stat -c %U "$here/secret" "$here/secrets" "$here/secrets/of" | sort -u)" = nobody ]
rm /var/lib/cfpd/link /var/lib/cfpd/links

# An admin's link is left as it is, and what it leads to.
mv /var/lib/cfpd "$here/data"
ln -s "$here/data" /var/lib/cfpd
dpkg -i "$1" | grep 'cfp: /var/lib/cfpd is a symbolic link'
[ "$(stat -c %U "$here/data")" = root ]
dpkg --purge cfp | grep 'cfp: /var/lib/cfpd is a symbolic link'
[ -L /var/lib/cfpd ]
rm /var/lib/cfpd
mv "$here/data" /var/lib/cfpd
dpkg -i "$1"
serve 'cfp-replace be do :notes.txt --in-place; [ "$(cfp-cat :notes.txt)" = "to do or not to do" ]; cfp-rm notes.txt'
dpkg --purge cfp
[ ! -e /var/lib/cfpd ]
