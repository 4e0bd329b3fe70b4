// What a driver says of itself to those who install and run it; `devlift` finds it beside the daemon, as driver.json.

/** Hardware on USB, each id as lsusb writes it: "0830:0061". */
export interface UsbHardware {
  readonly ids: readonly string[];
  /** Whatever has such an interface: class, subclass and protocol, "070101", as udev's ID_USB_INTERFACES has them. */
  readonly interfaces?: readonly string[];
  /** Vendors, "0830", that made little else: a product of theirs that is not in `ids` deserves a word. */
  readonly vendors: readonly string[];
  /** When it is on the bus, for who sees nothing there. */
  readonly appears: string;
  /** What is known to go wrong with the kernel's driver, and on which of the ids. */
  readonly troubles: readonly { readonly ids: readonly string[]; readonly says: string }[];
}

export interface DriverDescription {
  /** "pilot". */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Device files, the one that programs open first. */
  readonly nodes: readonly string[];
  /** Each of them is there as long as its hardware is; else from the daemon's start to its end. */
  readonly comesWithHardware?: true;
  /** Modules of the kernel whose place it takes. */
  readonly replaces: readonly string[];
  /** "devlift-pilot". */
  readonly command: string;
  /** Of the device files, as the kernel's driver had it. */
  readonly group: string;
  /** Undefined: it needs no hardware. */
  readonly usb?: UsbHardware;
  /** It plays and records on the sound server of whoever opens it. */
  readonly soundServer?: true;
}
