#!/bin/sh
# The life of the package under systemd: booted.sh PACKAGE. Ends at the first thing that is not as it should be.
set -eux

# What must fail. A `!` would not do: set -e passes over it.
fails() {
  if "$@"; then exit 1; fi
}

export DEBIAN_FRONTEND=noninteractive HOME=/root

dpkg -i "$1"
systemctl is-active cfpd.socket cfpd.service
systemctl is-enabled cfpd.socket cfpd.service

# The admin, at once, with the default server and on the socket.
[ -z "$(cfp-ls)" ]
echo to be or not to be | cfp-put - --as notes.txt
[ "$(cfp-search be :notes.txt)" = 2 ]
[ "$(cfp-ls -s unix:/run/cfpd.sock)" = notes.txt ]
[ "$(stat -c '%U:%G %a' /run/cfpd.sock)" = 'root:cfpd 660' ]
[ "$(stat -c '%U %a' /var/lib/cfpd/notes.txt)" = 'cfpd 640' ]

# The unit takes nothing away by which cfpd confines itself: it says no more of that than a daemon without a unit.
mkdir /opt/root
cfpd --root /opt/root --listen unix:/opt/own.sock --log /opt/own.log --background
[ "$(grep confined /var/log/cfpd/access.log)" = "$(grep confined /opt/own.log)" ]

# Who is in the group may connect, and is known by name.
useradd --groups cfpd carol
useradd mallory
echo 'allow list local:carol /' >/etc/cfpd/access
echo 'access access' >>/etc/cfpd/cfpd.conf
systemctl reload cfpd
timeout 60 sh -c 'until grep -q "cfpd.conf: access changed: restart cfpd" /var/log/cfpd/access.log; do sleep 0.1; done'
systemctl restart cfpd
[ "$(runuser -u carol -- cfp-ls -s unix:/run/cfpd.sock)" = notes.txt ]
fails runuser -u mallory -- cfp-ls -s unix:/run/cfpd.sock
fails cfp-ls

# A reload takes rules up anew.
echo 'allow all * /' >>/etc/cfpd/access
systemctl reload cfpd
timeout 60 sh -c 'until grep -q "cfpd: reloaded$" /var/log/cfpd/access.log; do sleep 0.1; done'
[ "$(cfp-ls)" = notes.txt ]

# A new version refuses no client: somebody asks all the time.
before=$(systemctl show --property MainPID cfpd)
while [ ! -e /upgraded ]; do cfp-ls || touch /refused; done >/dev/null &
dpkg -i "$1"
touch /upgraded
wait
[ ! -e /refused ]
[ "$(systemctl show --property MainPID cfpd)" != "$before" ]

# What operating.md says of users, rules and TLS is done as it stands, with a password that nobody has to type.
page=/usr/share/doc/cfp/docs/operating.md
if [ -f $page ] && command -v openssl && command -v htpasswd; then
  htpasswd() { echo wonderland | command htpasswd -i "$@"; }
  sed -i '/^access access$/d' /etc/cfpd/cfpd.conf
  sed -n '/^```sh$/,/^```$/p' $page | grep -v '^```' >/steps
  . /steps
  echo wonderland >/password
  chmod 600 /password
  CFP_PASSWORD_FILE=/password
  export CFP_PASSWORD_FILE
  [ "$(cfp-ls -s https://localhost:443 --cacert /etc/cfpd/cert.pem -u alice)" = notes.txt ]
  fails cfp-get -s https://localhost:443 --cacert /etc/cfpd/cert.pem notes.txt -o -
  [ "$(cfp-ls -s unix:/run/cfpd.sock)" = notes.txt ]
  fails cfp-ls
fi

dpkg --purge cfp
[ ! -e /etc/systemd/system/sockets.target.wants/cfpd.socket ]
fails systemctl is-active cfpd.socket cfpd.service
[ "$(cat /var/lib/cfpd/notes.txt)" = 'to be or not to be' ]
for gone in /run/cfpd /run/cfpd.sock /etc/cfpd /etc/default/cfpd /var/log/cfpd /usr/bin/cfpd; do [ ! -e $gone ]; done
fails getent passwd cfpd
