import { expect, test } from "vitest";
import { Bench } from "./bench.ts";

test("smoke", async () => {
  const bench = await new Bench().serve();
  const client = await bench.open();
  bench.line.gives("hello");
  expect(await client.text(10)).toBe("hello");
  await client.change({ c_cflag: 0x1cb2 });
  expect(await client.termios()).toMatchObject({ c_ospeed: 115200 });
  await client.file.close();
  expect(bench.line.closed).toBe(1);
});
