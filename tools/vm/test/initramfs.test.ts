// The order in which an initramfs loads its modules, from an index as depmod writes it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import { moduleFiles } from "../initramfs.ts";

let modules: string;
beforeAll(async () => {
  modules = await mkdtemp(join(tmpdir(), "devlift-modules-"));
  await writeFile(join(modules, "modules.builtin"), "kernel/drivers/virtio/virtio_pci.ko\n");
  await writeFile(
    join(modules, "modules.dep"),
    "kernel/fs/9p/9p.ko.xz: kernel/fs/netfs/netfs.ko.xz kernel/net/9p/9pnet.ko.xz\n" +
      "kernel/fs/netfs/netfs.ko.xz:\nkernel/net/9p/9pnet.ko.xz:\nkernel/fs/a-b.ko: kernel/net/9p/9pnet.ko.xz\n",
  );
});
afterAll(async () => {
  await rm(modules, { recursive: true, force: true });
});

test("a module comes after what it needs, once, and what is built in not at all", async () => {
  expect(await moduleFiles(modules, ["virtio_pci", "9p", "a_b"])).toEqual([
    "kernel/net/9p/9pnet.ko.xz",
    "kernel/fs/netfs/netfs.ko.xz",
    "kernel/fs/9p/9p.ko.xz",
    "kernel/fs/a-b.ko",
  ]);
});

test("a module that the kernel lacks is an error", async () => {
  await expect(moduleFiles(modules, ["overlay"])).rejects.toThrow(ToolError);
});
