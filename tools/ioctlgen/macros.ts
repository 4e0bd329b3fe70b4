// The macros of a preprocessed source, in the order of their definitions, each with its place.

export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Macro extends Place {
  readonly name: string;
  readonly hasParameters: boolean;
  readonly body: string;
}

/** `header:line`, with the header as programs include it. */
export function shownPlace({ file, line }: Place): string {
  return `${file.replace(/^\/usr\/include\/(x86_64-linux-gnu\/)?|^(\.\/)+/, "")}:${line}`;
}

/** @param text what `clang -E -dD` prints */
export function parseMacros(text: string): ReadonlyMap<string, Macro> {
  const macros = new Map<string, Macro>();
  let [file, line] = ["", 0];
  for (const content of text.split("\n")) {
    const marker = /^# (\d+) "([^"]*)"/.exec(content);
    if (marker) {
      [file, line] = [marker[2] ?? "", Number(marker[1])];
      continue;
    }
    const [, verb, name = "", parameters, body = ""] = /^#(define|undef) (\w+)(\([^)]*\))?\s*(.*)$/.exec(content) ?? [];
    if (verb === "define") macros.set(name, { name, hasParameters: parameters !== undefined, body, file, line });
    if (verb === "undef") macros.delete(name);
    line++;
  }
  return macros;
}

/** Whether a macro expands to an ioctl number of the kernel's encoding: _IO, _IOR, _IOW, _IOWR all come to _IOC. */
export function isEncoded(name: string, macros: ReadonlyMap<string, Macro>): boolean {
  const seen = new Set<string>();
  const reaches = (name: string): boolean => {
    if (name === "_IOC") return true;
    const macro = macros.get(name);
    if (macro === undefined || seen.has(name)) return false;
    seen.add(name);
    return (macro.body.match(/[A-Za-z_]\w*/g) ?? []).some(reaches);
  };
  return macros.has(name) && reaches(name);
}

/** A name, or a pattern in which `*` stands for any characters. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[^\w]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}

export function isPattern(name: string): boolean {
  return name.includes("*");
}
