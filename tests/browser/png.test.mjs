// node --test: pictures come back as they were, and a layout that is another one is found.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "./png.mjs";
import { TOLERANCE, difference } from "./shots.mjs";

// White with a black box.
const picture = (left, top, size) => {
  const [width, height] = [200, 100];
  const rgb = Buffer.alloc(width * height * 3, 255);
  for (let y = top; y < top + size; y += 1) rgb.fill(0, (y * width + left) * 3, (y * width + left + size) * 3);
  return { width, height, rgb };
};

test("a picture comes back", () => {
  const one = picture(20, 20, 40);
  const back = decode(encode(one));
  assert.equal(back.width, 200);
  assert.ok(back.rgb.equals(one.rgb));
});

test("letters may differ, the layout may not", () => {
  assert.equal(difference(picture(20, 20, 40), picture(20, 20, 40)), 0);
  assert.ok(difference(picture(20, 20, 40), picture(21, 20, 40)) <= TOLERANCE);
  assert.ok(difference(picture(20, 20, 40), picture(120, 20, 40)) > TOLERANCE);
  assert.equal(difference(picture(0, 0, 1), { ...picture(0, 0, 1), height: 99 }), 1);
});
