// The kernel's idea of characters: Latin-1 (lib/ctype.c), where a tty folds cases or counts columns.

/** Control characters; those of 0x80-0x9f are none to the kernel. */
export function isControl(c: number): boolean {
  return c < 0x20 || c === 0x7f;
}

function isUpper(c: number): boolean {
  return (c >= 0x41 && c <= 0x5a) || (c >= 0xc0 && c <= 0xde && c !== 0xd7);
}

function isLower(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0xdf && c !== 0xf7);
}

export function toLower(c: number): number {
  return isUpper(c) ? c + 0x20 : c;
}

export function toUpper(c: number): number {
  return isLower(c) ? c - 0x20 : c;
}

/** Letters, digits and _: what WERASE takes for a word. */
export function isWord(c: number): boolean {
  return isUpper(c) || isLower(c) || (c >= 0x30 && c <= 0x39) || c === 0x5f;
}

/** A byte of a UTF-8 character that is not its first. */
export function isContinuation(c: number): boolean {
  return (c & 0xc0) === 0x80;
}
