// A daemon for the tests that kill one: serves a loop-back on the path that it is given. Prints "serving", and what it
// logs on stderr; ends by SIGTERM. Words after the path are a program that it runs then, whose status it ends with.

import { spawn } from "node:child_process";
import { fuse, serve } from "@devlift/core";
import { loopback } from "./loopback.ts";

const [path = "", program, ...args] = process.argv.slice(2);
const say = (_fields: object, message: string) => void process.stderr.write(`${message}\n`);
const log = { debug: () => undefined, info: say, warn: say, error: say };

const channel = await serve(loopback("loop"), { channel: fuse, path, log, permissions: { mode: 0o666 } });
process.once("SIGTERM", () => void channel.close());
process.stdout.write("serving\n");
if (program !== undefined)
  spawn(program, args, { stdio: "inherit" }).once("close", (status) => {
    process.exitCode = status ?? 1;
    void channel.close();
  });
