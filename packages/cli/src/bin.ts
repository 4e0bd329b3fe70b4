import { main } from "./cli.ts";
import { thisMachine } from "./machine.ts";

const { stdout } = process;
const output = { colour: stdout.isTTY === true && stdout.hasColors(), write: (text: string) => stdout.write(text) };
process.exitCode = main(process.argv.slice(2), output, thisMachine());
