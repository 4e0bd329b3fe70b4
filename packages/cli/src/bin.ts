import { main } from "./cli.ts";
import { thisMachine } from "./machine.ts";
import { lock } from "./replace/lock.ts";
import { thisSystem } from "./replace/system.ts";

const { stdout } = process;
// Who reads our words may have enough of them.
stdout.on("error", () => undefined);
const output = { colour: stdout.isTTY === true && stdout.hasColors(), write: (text: string) => stdout.write(text) };
process.exitCode = await main(process.argv.slice(2), {
  output,
  machine: thisMachine(),
  system: thisSystem,
  lock: () => lock(),
});
