// The conformance suite on the kernel in memory.

import { BITS } from "../build.ts";
import { conformanceTests } from "./declare.ts";

await conformanceTests("memory", BITS);
