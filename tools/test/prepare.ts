import { installPrerequisites } from "../shared/prerequisites.ts";
import { progressOf } from "../shared/progress.ts";
import { runTool } from "../shared/tool.ts";
import { parseCommandLine, withVm } from "./cli.ts";
import { testPrerequisites } from "./prerequisites.ts";

await runTool("test", async (args) => {
  await installPrerequisites(testPrerequisites(withVm(parseCommandLine(args))), progressOf("test"));
  return 0;
});
