// The conformance suite on this machine's /dev/fuse, as root, by the callers that its kernel has.

import { callersHere } from "../cli.ts";
import { conformanceTests } from "./declare.ts";

await conformanceTests("fuse", await callersHere("fuse"));
