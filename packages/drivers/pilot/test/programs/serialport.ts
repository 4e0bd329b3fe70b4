// A program on npm's serialport: opens the port that it is given, says what the handheld answers, and does everything
// that serialport can do with a port. It prints a line a step.

import { once } from "node:events";
import { SerialPort } from "serialport";

const [path = ""] = process.argv.slice(2);

function settled(call: (callback: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
}

const port = new SerialPort({ path, baudRate: 115200, parity: "even", stopBits: 2 });
await once(port, "open");
const answer = once(port, "data");
port.write("serialport");
await settled((done) => port.drain(done));
console.log("drained");
console.log(`answer ${(await answer)[0]}`);
// A speed that is no B constant: TCSETS2 with BOTHER.
await settled((done) => port.update({ baudRate: 12345 }, done));
await settled((done) => port.flush(done));
console.log("updated and flushed");
console.log(`set: ${await settled((done) => port.set({ dtr: true }, done)).catch((error: Error) => error.message)}`);
await settled((done) => port.close(done));
console.log("closed");
