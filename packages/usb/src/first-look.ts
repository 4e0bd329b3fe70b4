// How long the start of a watch may take: a device that is there and well is reported before watch() resolves, one that
// is slow or bad keeps nobody waiting.
// Stateless.

/** A connection and an enumeration take milliseconds; a person who starts a daemon does not notice this much. */
const FIRST_LOOK_MS = 1500;

/**
 * Resolves when `look` does, or after `limitMs`; `look` goes on by itself then.
 * Rejects with `look` only within that time.
 */
export async function firstLook(look: Promise<unknown>, limitMs = FIRST_LOOK_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  try {
    await Promise.race([look, limit]);
  } finally {
    clearTimeout(timer);
  }
}
