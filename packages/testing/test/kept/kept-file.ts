// A file of a FUSE mount that outlives its daemon as a device of /dev/cuse does: what is the same of both, for machines
// without CUSE. Its node is mounted by the first daemon and stays; the test unmounts it.

import { constants, openSync, rmSync, writeFileSync } from "node:fs";
import { type ChannelKind, native } from "@devlift/core";
import { fdStore } from "../../../core/src/channel/fd-store.ts";
import { fuseConnection, introduce } from "../../../core/src/channel/fuse-connection.ts";
import { KeptDevice } from "../../../core/src/channel/kept-device.ts";
import { FuseNode } from "../../../core/src/session/fuse-node.ts";

const { MS_NOSUID, MS_NODEV, MNT_DETACH } = native.MOUNT;

export const keptFile: ChannelKind = {
  name: "kept-file",
  probe: () => ({ usable: true, why: "a file of a FUSE mount" }),
  async open(options) {
    const { path, driver, log } = options;
    const store = fdStore();
    if (store === undefined) throw new TypeError("nobody keeps descriptors");
    const kept = new KeptDevice(store, driver);
    const { outliving, file: requests, left } = kept;
    const fd = left ?? openSync("/dev/fuse", constants.O_RDWR | constants.O_NONBLOCK);
    if (left === undefined) {
      writeFileSync(path, "");
      const data = `fd=${fd},rootmode=100000,user_id=0,group_id=0,default_permissions,allow_other`;
      native.mount(path, { source: "kept-file", type: "fuse.devlift", flags: MS_NOSUID | MS_NODEV, data });
    }
    const node = new FuseNode({ mode: 0o600, uid: 0, gid: 0 }, Date.now);
    const connection = fuseConnection(fd, { ...options, node, outliving, requests });
    kept.giveMemory(log);
    if (left === undefined) {
      await introduce(connection);
      kept.keep(fd);
    } else await connection.recover();
    kept.close();
    connection.start();
    const close = async () => {
      kept.forget();
      await connection.close();
      native.umount2(path, MNT_DETACH);
      rmSync(path);
    };
    return { path, ended: connection.ended, close, leave: () => connection.leave(async () => driver.leave?.()) };
  },
};
