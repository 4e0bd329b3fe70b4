# The third stage: the command, then its status. PID 1 is the second stage, or this is a service of systemd's.
# vport0p1 carries the command's standard output, vport0p2 its standard error, vport0p3 `up` and `exit STATUS`, and
# from the host `report`, which is answered by lines on each process and `reported`.
# Beside this file are `settings.sh` (shell variables) and `command.sh` (what to run).
b=/run/busybox
share=/run/devlift-vm
. $share/settings.sh

while [ ! -c /dev/vport0p3 ]; do $b sleep 0.1; done
exec 3<>/dev/vport0p3
# A port can be opened once only, so the command writes to pipes that programs may open again through /dev/stdout.
$b mkfifo /run/out /run/err
$b cat </run/out >/dev/vport0p1 3>&- & out=$!
$b cat </run/err >/dev/vport0p2 3>&- & err=$!
report() {
  for process in /proc/[0-9]*; do
    words=$($b tr '\0' ' ' <$process/cmdline)
    [ -n "$words" ] || continue
    echo "process ${process#/proc/}: $words"
    echo "  in the kernel: $($b sed 's/.* //' $process/stack | $b head -n 6 | $b tr '\n' ' ')"
  done
}
while read -r word <&3; do
  report >&3 2>/dev/null
  echo reported >&3
done &
# The debug kernel looks for memory that the command leaves lost, in which what was lost before does not count.
leaks=/sys/kernel/debug/kmemleak
$b mount -t debugfs debug /sys/kernel/debug 2>/dev/null
[ ! -e $leaks ] || echo clear >$leaks
echo up >&3
# A subshell, so that the shell's own word on a signal ("Killed") goes to the console.
(exec $b setsid /bin/sh $share/command.sh) </dev/null >/run/out 2>/run/err 3>&-
status=$?

# What the command left behind must not hold its output open: everything but the two cats and us is killed; of a whole
# system, what was started here and not by a service.
left() {
  if [ $$ = 1 ]; then
    $b ls /proc | $b grep '^[0-9]'
  else
    $b cat /sys/fs/cgroup/system.slice/devlift-vm.service/cgroup.procs
  fi
}
rounds=0
while $b kill -0 $out 2>/dev/null || $b kill -0 $err 2>/dev/null; do
  for pid in $(left); do
    [ $pid = $$ ] || [ $pid = $out ] || [ $pid = $err ] || $b kill -9 $pid 2>/dev/null
  done
  rounds=$((rounds + 1))
  if [ $rounds -gt 100 ]; then
    echo "devlift-vm: processes of the command cannot be killed; they are stuck in the kernel"
    $b ps
    $b kill $out $err
  fi
  $b sleep 0.05
done
# What is new is believed lost at the second look only; a scan is done when its write returns.
if [ -e $leaks ]; then
  echo scan >$leaks
  echo scan >$leaks
  $b cat $leaks
fi
# A port can be opened again once its cat is gone. The trailers tell the host that all has come through.
echo -n "$trailer" >/dev/vport0p1
echo -n "$trailer" >/dev/vport0p2
echo "exit $status" >&3
# What is to be there at the next boot is written when the machine has gone down in order.
[ -z "$disk" ] || systemctl --no-block poweroff
while :; do $b sleep 60; done
