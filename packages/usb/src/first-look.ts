// How long the start of a watch may take: a device that is there and well is reported before watch() resolves, one that
// is slow or bad keeps nobody waiting.
// Stateless.

/** A connection and an enumeration take milliseconds; a person who starts a daemon does not notice this much. */
const FIRST_LOOK_MS = 1500;

/**
 * Resolves when `look` does, or after `limitMs`; `look` goes on by itself then.
 * Rejects with `look` within that time; a `look` that fails later is an unhandled rejection, as nobody can catch it.
 */
export async function firstLook(look: Promise<unknown>, limitMs = FIRST_LOOK_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<"over">((resolve) => {
    timer = setTimeout(() => resolve("over"), limitMs);
  });
  try {
    // The race has taken the rejection for handled.
    if ((await Promise.race([look, limit])) === "over") void look.then(() => undefined);
  } finally {
    clearTimeout(timer);
  }
}
