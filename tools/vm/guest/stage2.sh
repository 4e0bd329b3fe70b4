# The second stage, as PID 1 on the overlay root: the rest of a small system, then the third stage, which runs the command.
# Beside this file are `settings.sh` (shell variables) and `kept` (paths). A system of its own has an init, which runs the
# third stage as a service.
b=/run/busybox
share=/run/devlift-vm
. $share/settings.sh

$b mkdir -p /dev/pts /dev/shm /run/lock
$b mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /dev/pts
$b mount -t tmpfs -o mode=1777 shm /dev/shm
for link in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
  $b ln -sfn "${link#*:}" "/dev/${link%%:*}"
done

# The modules that the host unpacked, where modprobe looks.
release=$($b uname -r)
$b mkdir -p "/lib/modules/$release"
[ -d /run/devlift-host ] && modules=/run/devlift-host$modules
$b mount -o bind "$modules" "/lib/modules/$release"
# kernel/fusd's module is not among them: a new index of them all, for each change of it, would take its time.
if [ -n "$fusd" ]; then
  $b mkdir /run/modprobe.d
  echo "install fusd insmod '$fusd' \$CMDLINE_OPTS" >/run/modprobe.d/fusd.conf
  echo "remove fusd test ! -e /sys/module/fusd || rmmod fusd" >>/run/modprobe.d/fusd.conf
fi

# A fresh /tmp, except for the folders below it that the command needs; `kept` lists them, a line each. In a system of its
# own they, and all else that it needs of the host's files, are where they are there.
host=/run/devlift-host
$b mkdir /run/kept
i=0
while IFS= read -r path; do
  i=$((i + 1))
  $b mkdir /run/kept/$i
  if [ -d $host ]; then
    $b mkdir -p /run/above/$i/upper /run/above/$i/work
    layers="lowerdir=$host$path,upperdir=/run/above/$i/upper,workdir=/run/above/$i/work"
    $b mount -t overlay -o "$layers" over /run/kept/$i
  else
    $b mount -o bind "$path" /run/kept/$i
  fi
done <$share/kept
$b mount -t tmpfs -o mode=1777 tmp /tmp
i=0
while IFS= read -r path; do
  i=$((i + 1))
  $b mkdir -p "$path"
  $b mount -o bind /run/kept/$i "$path"
  $b umount /run/kept/$i
done <$share/kept

if [ -d $host ]; then
  units=/run/systemd/system
  $b mkdir -p $units/multi-user.target.wants
  # The first boot of a machine takes longer, and is nobody's question here.
  echo 5e0d0a7bd6e94d5f8a3d3c1f1f6a9d10 >/etc/machine-id
  # /tmp is there already.
  $b ln -s /dev/null $units/tmp.mount
  $b ln -s /dev/null $units/serial-getty@ttyS0.service
  cat >$units/devlift-vm.service <<UNIT
[Unit]
DefaultDependencies=no
After=multi-user.target
[Service]
ExecStart=$b sh $share/stage3.sh
StandardOutput=append:/dev/console
StandardError=append:/dev/console
TimeoutStopSec=5
UNIT
  $b ln -s ../devlift-vm.service $units/multi-user.target.wants/devlift-vm.service
  exec /sbin/init
fi
$b ip link set lo up
$b hostname devlift-vm
. $share/stage3.sh
