// The FUSE channel on this machine's kernel, as root.

import { fuseCases } from "./fuse/cases.ts";

fuseCases();
