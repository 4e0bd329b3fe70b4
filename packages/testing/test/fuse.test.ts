// The FUSE channel on this machine's kernel, as root.

import { release } from "node:os";
import { fuseCases } from "./fuse/cases.ts";

const [major = 0, minor = 0] = release().split(".").map(Number);
fuseCases(major > 6 || (major === 6 && minor >= 2));
