// The examples as character devices, on CUSE.

import { execFileSync } from "node:child_process";
import { cuse, serve } from "@devlift/core";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { ioctl } from "../src/ioctl.ts";
import { sh, testExamples } from "./real-kernel.ts";

beforeAll(() => {
  execFileSync("modprobe", ["cuse"]);
});

testExamples(cuse, "/dev/");

// Perl's pack makes structs with pointers.
test("ioctl: nested", async () => {
  const channel = await serve(ioctl, { channel: cuse });
  onTestFinished(() => channel.close());
  const join = `
    open F, "+<", "${channel.path}" or die;
    @pieces = ("clap ", "your ", "hands");
    $table = join "", map { pack "p L x4", $_, length } @pieces;
    $joined = "." x 16;
    print ioctl(F, 0x40184706, pack("P L L P", $table, 3, 16, $joined)), " $joined\\n";`;
  expect(await sh(`perl -e '${join}'`)).toBe("15 clap your hands\0\n");
});
