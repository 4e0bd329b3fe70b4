// What dpkg runs around the files of a package (Debian policy, chapter 6). Each may run twice, and where there is no
// systemd or udev: in a chroot, in a container. The calls are those that debhelper would write for a service.

import type { DriverDescription } from "@devlift/daemon";
import { modprobeName } from "@devlift/daemon/modprobe";

const HEAD = "#!/bin/sh\nset -e\n";

/** systemd or udev runs here. */
const SYSTEMD = "[ -d /run/systemd/system ]";
const UDEV = "[ -e /run/udev/control ]";

const reloadUdev = `if ${UDEV}; then
  udevadm control --reload || true
  udevadm trigger --action=add --subsystem-match=misc --sysname-match=cuse || true
  udevadm trigger --subsystem-match=usb || true
fi
`;

/** The group that may open /dev/cuse, which every driver's package makes and the last one removes. */
export const GROUP = "devlift";

/** The service of a driver without hardware is enabled when it is first installed; else udev starts it. */
export function serviceScripts(driver: DriverDescription): Readonly<Record<string, string>> {
  const { name, command } = driver;
  const atBoot = driver.usb === undefined;
  const service = `${command}.service`;
  const enable = atBoot
    ? `  if deb-systemd-helper --quiet was-enabled ${service}; then
    deb-systemd-helper enable ${service} >/dev/null || true
  fi
`
    : "";
  return {
    postinst: `${HEAD}
case "$1" in configure|abort-upgrade|abort-deconfigure|abort-remove)
  getent group ${GROUP} >/dev/null || groupadd --system ${GROUP}
  deb-systemd-helper unmask ${service} >/dev/null || true
${enable}  deb-systemd-helper update-state ${service} >/dev/null || true
  ${reloadUdev.trimEnd().replaceAll("\n", "\n  ")}
  if ${SYSTEMD}; then
    systemctl --system daemon-reload >/dev/null || true
    ${atBoot ? `deb-systemd-invoke restart ${service} >/dev/null || true` : `deb-systemd-invoke try-restart ${service} >/dev/null || true`}
  fi
;; esac
`,
    prerm: `${HEAD}
if [ "$1" = remove ] && ${SYSTEMD}; then
  deb-systemd-invoke stop ${service} >/dev/null || true
fi
`,
    postrm: `${HEAD}
if [ "$1" = remove ]; then
  if ${SYSTEMD}; then systemctl --system daemon-reload >/dev/null || true; fi
  ${reloadUdev.trimEnd().replaceAll("\n", "\n  ")}
fi
if [ "$1" = purge ]; then
  if command -v deb-systemd-helper >/dev/null; then deb-systemd-helper purge ${service} >/dev/null || true; fi
  # What \`devlift replace\` and \`devlift restore\` have left for it.
  rm -f /etc/modprobe.d/${modprobeName(driver)} /var/lib/devlift/${name}.journal
  rm -f /etc/systemd/system/multi-user.target.wants/${service}
  if [ "$(readlink /etc/systemd/system/${service})" = /dev/null ]; then rm /etc/systemd/system/${service}; fi
  if [ -d /var/lib/devlift ]; then rmdir --ignore-fail-on-non-empty /var/lib/devlift; fi
  # Another driver's package may still count on the group.
  for rules in /usr/lib/udev/rules.d/60-devlift-*.rules; do [ -e "$rules" ] && exit 0; done
  if getent group ${GROUP} >/dev/null; then groupdel ${GROUP} || true; fi
fi
`,
  };
}

/** @param version of the module */
export function dkmsScripts(name: string, version: string): Readonly<Record<string, string>> {
  const known = `dkms status -m ${name} -v ${version} | grep -q .`;
  return {
    postinst: `${HEAD}
if [ "$1" = configure ]; then
  ${known} || dkms add -m ${name} -v ${version}
  # For the kernels whose headers are here; for later ones DKMS does it when they are installed.
  for headers in /lib/modules/*/build; do
    [ -e "$headers/Makefile" ] || continue
    kernel=$(basename "$(dirname "$headers")")
    dkms install -m ${name} -v ${version} -k "$kernel" || echo "${name} was not built for $kernel" >&2
  done
fi
`,
    prerm: `${HEAD}
if ${known}; then dkms remove -m ${name} -v ${version} --all; fi
`,
  };
}
