// How much of the daemon's memory the waiting writes of each user take. A write that waits keeps its bytes here, where a
// kernel driver would leave them in the caller's own memory; one user with thousands of threads must not fill ours.

/** Some 500 waiting writes of the largest size. */
const MAX_PER_USER = 64 * 1024 * 1024;
const ROOT = 0;

export class KeptBytes {
  readonly #users = new Map<number, number>();

  /** This user's writes may keep nothing more. Never so for root. */
  isFull(uid: number): boolean {
    return uid !== ROOT && (this.#users.get(uid) ?? 0) >= MAX_PER_USER;
  }

  /** @returns a function that gives them back, to be called once */
  keep(uid: number, bytes: number): () => void {
    this.#users.set(uid, (this.#users.get(uid) ?? 0) + bytes);
    return () => {
      const left = (this.#users.get(uid) ?? 0) - bytes;
      if (left > 0) this.#users.set(uid, left);
      else this.#users.delete(uid);
    };
  }
}
