// A stretch of client memory without a gap, as one plan sees it: an ioctl's argument, or what a link of another part
// leads to. The tree of parts lives for one request, until its reply.

import { DeviceError } from "../errors.ts";
import { type Codec, codecOf, type Fields, type Link } from "./codec.ts";
import { counted, type Direction, depthOf, type Layout } from "./layout.ts";
import { Misfit } from "./misfit.ts";
import { type DataModel, WIDTHS } from "./model.ts";

/** An area of the client's memory, in bytes. */
export interface Region {
  readonly base: bigint;
  readonly len: number;
}

/** Where a part is, and the field of a decoded struct that its own decoded value becomes. */
export interface Site {
  readonly base: bigint;
  readonly direction: Direction;
  readonly parent: Fields;
  readonly name: string;
}

const NOTHING = new Uint8Array();

/** A field `at` so many bytes from its part's start, which is at `start` in the view. */
interface Place {
  readonly view: DataView;
  readonly start: number;
  readonly at: number;
}

export class Part {
  readonly region: Region;
  /** Whether it is copied from the client. Always so where it holds pointers or lengths: those are the client's. */
  readonly reads: boolean;
  /** Whether it is copied to the client. */
  readonly writes: boolean;
  /** Whether it can hold links. */
  readonly leads: boolean;
  readonly #model: DataModel;
  readonly #codec: Codec;
  readonly #site: Site;
  /** One for each link, in the codec's order; undefined where a link leads to nothing. Empty until the part is taken. */
  readonly #children: (Part | undefined)[] = [];
  /** The client's bytes, to keep its pointers in what is written back; empty where there are none. */
  #original = NOTHING;

  /** @throws DeviceError EFAULT when the base is NULL */
  constructor(layout: Layout, model: DataModel, site: Site) {
    if (site.base === 0n) throw new DeviceError("EFAULT", `${site.name} is NULL`);
    this.#model = model;
    this.#codec = codecOf(layout, model);
    this.#site = site;
    this.region = { base: site.base, len: this.#codec.size };
    this.leads = depthOf(layout) > 1;
    this.reads = site.direction !== "out" || this.leads;
    this.writes = site.direction !== "in";
  }

  /**
   * Decodes the part, hangs the value into its parent's, and follows its links.
   * @param view holds the part's data at `at`
   * @param next gets the parts that the links lead to
   * @throws DeviceError EINVAL, EOVERFLOW for a value that the schema does not take, EFAULT for a NULL pointer
   */
  take(view: DataView, at: number, next: Part[]): void {
    const value = this.#codec.decode(view, at);
    this.#site.parent[this.#site.name] = value;
    if (!this.leads) return;
    this.#codec.links(value, 0, (link, parent, place) => {
      const child = this.#follow(link, parent, { view, start: at, at: place });
      this.#children.push(child);
      if (child !== undefined) next.push(child);
    });
    if (this.writes && this.#children.length > 0)
      this.#original = new Uint8Array(view.buffer, view.byteOffset + at, this.region.len).slice();
  }

  #follow({ name, target, pointer }: Link, parent: Fields, field: Place): Part | undefined {
    const base = pointer ? address(field, this.#model) : this.region.base + BigInt(field.at);
    if (base === 0n && pointer?.nullable) {
      parent[name] = null;
      return undefined;
    }
    const layout = counted(target, parent);
    const codec = codecOf(layout, this.#model);
    if (codec.size === 0) {
      parent[name] = codec.decode(field.view, 0);
      return undefined;
    }
    const direction = pointer ? pointer.direction(parent) : this.#site.direction;
    return new Part(layout, this.#model, { base, direction, parent, name });
  }

  /**
   * Finds the parts behind this one's links, each with its value out of `value`, which a handler may have changed.
   * @throws Misfit when links are missing
   */
  links(value: unknown, found: { part: Part; value: unknown }[]): void {
    if (!this.leads) return;
    let index = 0;
    this.#named(() =>
      this.#codec.links(value, 0, (link, parent) => {
        const part = this.#children[index++];
        if (part) found.push({ part, value: parent[link.name] });
      }),
    );
  }

  /** @throws Misfit when the value does not fit */
  write(value: unknown, { view, at }: { view: DataView; at: number }): void {
    if (this.#original.length > 0)
      new Uint8Array(view.buffer, view.byteOffset + at, this.region.len).set(this.#original);
    this.#named(() => this.#codec.encode(view, at, value));
  }

  #named(act: () => void): void {
    try {
      act();
    } catch (error) {
      throw Misfit.at(`.${this.#site.name}`, error);
    }
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A pointer of 4 bytes is zero-extended, as the kernel's compat_ptr() does on x86. */
function address({ view, start, at }: Place, model: DataModel): bigint {
  const place = start + at;
  return WIDTHS[model].pointer === 8 ? view.getBigUint64(place, true) : BigInt(view.getUint32(place, true));
}
