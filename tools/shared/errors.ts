// ToolError: what a person at the command line reads, one or more whole sentences. It lives until a main.ts prints it.

/** The tool cannot do what was asked on this machine; the message says why and what to do. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}
