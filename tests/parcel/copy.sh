#!/bin/sh
# Runs a script as root on a copy of this machine's files that is gone afterwards, with processes and a network of its
# own: copy.sh plain|booted SCRIPT FILE. Booted is under a systemd that starts nothing else. Script and file are put into
# /opt there. Exit 77 where the system does not allow such a copy, or has no systemd-nspawn.
set -eu

if [ "${CFP_COPY-}" != inside ]; then
  unshare --mount --net --pid --fork true 2>/dev/null || exit 77
  [ "$1" = plain ] || command -v systemd-nspawn >/dev/null || exit 77
  CFP_COPY=inside exec unshare --mount --net --pid --fork --kill-child --mount-proc sh "$0" "$@"
fi

how=$1 script=$2 file=$3 copy=/mnt/copy
mount -t tmpfs none /mnt
mkdir /mnt/changed /mnt/work $copy
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/work $copy 2>/dev/null || exit 77
cp "$script" "$file" $copy/opt
script=/opt/${script##*/} file=/opt/${file##*/}
# What cfpd left on this machine is none of the copy's: the test brings its own world.
rm -rf $copy/var/lib/cfpd $copy/var/log/cfpd $copy/etc/cfpd $copy/etc/default/cfpd

if [ "$how" = plain ]; then
  mount --rbind /dev $copy/dev
  mount --rbind /proc $copy/proc
  mount -t tmpfs none $copy/tmp
  ip link set lo up
  exec chroot $copy sh "$script" "$file"
fi

# What the machine starts is not started, and what forbids packages to start something does not count.
rm -rf $copy/etc/systemd/system/*.wants $copy/usr/sbin/policy-rc.d
cat >$copy/etc/systemd/system/script.service <<END
[Unit]
After=basic.target
[Service]
Type=oneshot
StandardOutput=file:/said
StandardError=inherit
ExecStart=sh $script $file
ExecStopPost=sh -c 'systemctl --force exit \$EXIT_STATUS'
END
# It keeps its own records in /run, which this machine shall not see.
mount -t tmpfs none /run
status=0
landlock='landlock_create_ruleset landlock_add_rule landlock_restrict_self'
systemd-nspawn --directory=$copy --register=no --keep-unit --private-network --boot --console=pipe \
  --system-call-filter="$landlock" systemd.unit=script.service </dev/null || status=$?
cat $copy/said
exit $status
