// Random numbers that are the same on every machine for the same seed: sfc32, of Chris Doty-Humphrey's PractRand.

export class Random {
  #a = 0;
  #b = 0;
  #c: number;
  #counter = 1;

  /** @param seed 32 bits */
  constructor(seed: number) {
    this.#c = seed | 0;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 32 bits, unsigned. */
  next(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return this.next() % n;
  }

  /** True once in n times. */
  oneIn(n: number): boolean {
    return this.next() % n === 0;
  }

  /** @param items at least one */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}
