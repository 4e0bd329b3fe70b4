import { runTool } from "../shared/tool.ts";
import { main } from "./cli.ts";

await runTool("new-driver", main);
