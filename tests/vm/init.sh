#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# First process of a guest: makes the system usable, then runs what the host sends, one command at a
# time, over a virtio-serial port. Request: base64 of a shell script, one line. Answer: exit status,
# a space, base64 of its output, one line.

/bin/busybox mkdir -p /usr/bin /usr/sbin
/bin/busybox --install -s /bin
export PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin HOME=/root

# EAL refuses to load drivers from below a folder that others may write.
chmod 755 /
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /dev/hugepages /run/netns
mount -t tmpfs run /run
mount -t tmpfs shm /dev/shm
ln -sf /run /var/run
ip link set lo up 2>/dev/null

while read -r module; do
	insmod "/modules/$module" || echo "init: $module does not load"
done < /modules/order

port=
for _ in $(seq 100); do
	for name in /sys/class/virtio-ports/*/name; do
		[ "$(cat "$name" 2>/dev/null)" = commands ] && port=$(basename "$(dirname "$name")")
	done
	[ -n "$port" ] && break
	sleep 0.05
done
[ -n "$port" ] || { echo "init: no command port"; poweroff -f; }

exec 3<>"/dev/$port"
echo "0 " >&3
while read -r request <&3; do
	echo "$request" | base64 -d > /tmp/request
	dash /tmp/request > /tmp/answer 2>&1 < /dev/null 3>&-
	status=$?
	{ printf '%d ' "$status"; base64 -w 0 < /tmp/answer; echo; } >&3
done
poweroff -f
