// The examples as character devices, on CUSE.

import { execFileSync } from "node:child_process";
import { cuse, serve } from "@devlift/core";
import { beforeAll, expect, test } from "vitest";
import { ioctl } from "../src/ioctl.ts";
import { sh, testExamples } from "./real-kernel.ts";

beforeAll(() => {
  execFileSync("modprobe", ["cuse"]);
});

testExamples(cuse, "/dev/");

// What a channel for plain files cannot carry: an int in the place of a pointer, and pointers in what a pointer points
// to. Perl's pack makes such structs.
test("ioctl: by value, and nested", async () => {
  const channel = await serve(ioctl, { channel: cuse });
  const join = `
    open F, "+<", "${channel.path}" or die;
    print ioctl(F, 0x4701, 12345), "\\n";
    @pieces = ("clap ", "your ", "hands");
    $table = join "", map { pack "p L x4", $_, length } @pieces;
    $joined = "." x 16;
    print ioctl(F, 0x40184706, pack("P L L P", $table, 3, 16, $joined)), " $joined\\n";`;
  expect(await sh(`perl -e '${join}'`)).toBe("12346\n15 clap your hands\0\n");
  await channel.close();
});
