#!/bin/sh
# The life of the package under systemd: booted.sh PACKAGE. Ends at the first thing that is not as it should be.
set -eux
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

# Who is in the group may connect, and is known by name.
useradd --groups cfpd carol
useradd mallory
echo 'allow list local:carol /' >/etc/cfpd/access
echo 'CFPD_OPTIONS="--access /etc/cfpd/access"' >/etc/default/cfpd
systemctl restart cfpd
[ "$(runuser -u carol -- cfp-ls -s unix:/run/cfpd.sock)" = notes.txt ]
! runuser -u mallory -- cfp-ls -s unix:/run/cfpd.sock
! cfp-ls

# A reload takes rules up anew.
echo 'allow all * /' >>/etc/cfpd/access
systemctl reload cfpd
grep -q 'cfpd: reloaded' /var/log/cfpd/access.log
[ "$(cfp-ls)" = notes.txt ]

# A new version refuses no client: somebody asks all the time.
before=$(systemctl show --property MainPID cfpd)
while [ ! -e /upgraded ]; do cfp-ls || touch /refused; done >/dev/null &
dpkg -i "$1"
touch /upgraded
wait
[ ! -e /refused ]
[ "$(systemctl show --property MainPID cfpd)" != "$before" ]

dpkg --purge cfp
! systemctl is-active cfpd.socket cfpd.service
[ "$(cat /var/lib/cfpd/notes.txt)" = 'to be or not to be' ]
for gone in /run/cfpd /run/cfpd.sock /etc/cfpd /etc/default/cfpd /var/log/cfpd /usr/bin/cfpd; do [ ! -e $gone ]; done
! getent passwd cfpd
