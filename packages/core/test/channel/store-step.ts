// A process of fd-store.test.ts: does what stands in the file that it is given.

import { closeSync, readFileSync, readSync, writeSync } from "node:fs";
import { fdStore } from "../../src/channel/fd-store.ts";
import { memoryFile } from "../../src/native.ts";

const store = fdStore();
const [what, name = "", text = ""] = readFileSync(process.argv[2] ?? "", "utf8").split(" ");
const say = (line: string) => void writeSync(1, `${line}\n`);

function take(): void {
  const fd = store?.take(name);
  const bytes = Buffer.alloc(100);
  say(`${name}: ${fd === undefined ? "nothing" : bytes.toString("utf8", 0, readSync(fd, bytes, 0, 100, 0))}`);
}

switch (what) {
  case "keep": {
    const fd = memoryFile(name, 0);
    writeSync(fd, text);
    store?.keep(name, fd);
    closeSync(fd);
    break;
  }
  case "take":
    take();
    say(`LISTEN_FDS ${process.env["LISTEN_FDS"]}`);
    break;
  case "rest":
    take();
    store?.forgetRest();
    break;
  default:
    store?.forget(name);
}
