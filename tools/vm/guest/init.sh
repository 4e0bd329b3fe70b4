#!/bin/busybox sh
# The initramfs' init: the host's files, or those of a system of its own, as a read-only lower layer, a tmpfs or a disk
# above them, and over to the second stage.
# Standard output is the console, which the host keeps as a log file. Any failure ends init, which panics the kernel,
# which ends QEMU.
set -e
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/mod/$module"; done </mod/order
nine=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $nine,ro,cache=loose system /lower
if grep -q devlift.disk /proc/cmdline; then
  mount -t ext4 /dev/vda /over
else
  mount -t tmpfs -o mode=755 over /over
fi
mkdir -p /over/upper /over/work
mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work over /root
for d in proc sys dev; do mount -o move /$d /root/$d; done
mount -t tmpfs -o mode=755 run /root/run
mkdir /root/run/devlift-vm /root/run/devlift-vm-out
mount -t 9p -o $nine,ro,cache=loose share /root/run/devlift-vm
mount -t 9p -o $nine,cache=none out /root/run/devlift-vm-out
if grep -q devlift.host /root/proc/cmdline; then
  mkdir /root/run/devlift-host
  mount -t 9p -o $nine,ro,cache=loose host /root/run/devlift-host
fi
cp /bin/busybox /root/run/busybox
exec switch_root /root /run/busybox sh /run/devlift-vm/stage2.sh
