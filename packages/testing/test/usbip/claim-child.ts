// Another program that uses libusb: claims interface 0 of the device with the ids of its arguments (hex), says so by
// the message "claimed", and holds it until its parent disconnects.

import { LibusbHost } from "@devlift/usb";

const [vendorId = 0, productId = 0] = process.argv.slice(2).map((id) => Number.parseInt(id, 16));

await new LibusbHost().watch({
  attached: (device) => {
    const { descriptor } = device;
    if (descriptor.vendorId !== vendorId || descriptor.productId !== productId) return;
    device
      .open()
      .then((transport) => transport.claim(0))
      .then(
        () => process.send?.("claimed"),
        (error: unknown) => process.send?.(String(error)),
      );
  },
  detached: () => {},
  trouble: () => {},
});
process.on("disconnect", () => process.exit());
