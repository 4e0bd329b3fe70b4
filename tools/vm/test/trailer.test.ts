// TrailerFilter against every way in which a stream can be cut into chunks.

import { expect, test } from "vitest";
import { TrailerFilter } from "../trailer.ts";

test("the bytes before the trailer pass, however the stream is cut", () => {
  const stream = Buffer.from("output of eneneend, with the begENDning of it twice: EN, and EEND");
  for (let size = 1; size <= stream.length; size++) {
    const filter = new TrailerFilter("EEND");
    let seen = "";
    for (let at = 0; at < stream.length; at += size) {
      expect(filter.complete).toBe(false);
      seen += filter.push(stream.subarray(at, at + size)).toString();
    }
    expect(filter.complete).toBe(true);
    expect(seen).toBe("output of eneneend, with the begENDning of it twice: EN, and ");
  }
});

test("of a stream that breaks off nothing is lost", () => {
  const filter = new TrailerFilter("END");
  expect(filter.push(Buffer.from("abcEN")).toString()).toBe("abc");
  expect(filter.rest().toString()).toBe("EN");
  expect(filter.complete).toBe(false);
});
