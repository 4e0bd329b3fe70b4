// Messages written down by hand: hexadecimal, one field a line, a comment behind each.

export function hex(text: string): Uint8Array {
  const digits = text.replace(/#.*$/gm, "").replace(/\s+/g, "");
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

/** struct fuse_in_header with a length and an opcode. */
export const header = (length: string, opcode: string): string => `
  ${length} 00 00 00       # len
  ${opcode}                # opcode
  0a 00 00 00 01 00 00 00  # unique
  01 00 00 00 00 00 00 00  # nodeid
  e8 03 00 00              # uid 1000
  e9 03 00 00              # gid 1001
  92 10 00 00              # pid 4242
  00 00 00 00              # total_extlen, padding
`;

export const UNIQUE = "0a 00 00 00 01 00 00 00  # unique\n";
