// Pictures of the screens for their documentation: written by `make screenshots`, compared by `make test-browser`.
//
// Fonts differ from machine to machine, and with them every letter and some ends of lines. So the layout is compared, not
// the letters: both pictures as squares of 20 pixels, each by its mean brightness, and a share of the squares may
// differ. Any two screens differ in more: `node shots.mjs` says how much, and fails when they do not.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WIDE } from "./browser.mjs";
import { decode, encode } from "./png.mjs";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../../docs/console");
const SQUARE = 20;

// Brightness, of 255, from which a square counts as another one; and the share of those that may.
const STEP = 8;
export const TOLERANCE = 0.08;

// Bytes of a picture at most.
const BYTES = 60_000;

// Mean brightness of each square.
function squares({ width, height, rgb }) {
  const columns = Math.ceil(width / SQUARE);
  const sums = new Float64Array(columns * Math.ceil(height / SQUARE));
  const counts = new Float64Array(sums.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [at, from] = [Math.floor(y / SQUARE) * columns + Math.floor(x / SQUARE), (y * width + x) * 3];
      sums[at] += 0.299 * rgb[from] + 0.587 * rgb[from + 1] + 0.114 * rgb[from + 2];
      counts[at] += 1;
    }
  }
  return sums.map((sum, at) => sum / counts[at]);
}

// The share of squares by which two pictures differ; 1 when they have not the same size.
export function difference(one, other) {
  if (one.width !== other.width || one.height !== other.height) return 1;
  const [a, b] = [squares(one), squares(other)];
  return a.filter((it, at) => Math.abs(it - b[at]) > STEP).length / a.length;
}

// Takes what changes from run to run out of a page: ids, moments, ports.
const settle = () => {
  // What the machine has to say of itself: that its disk fills up, for one.
  document.querySelectorAll('p.hint[role="alert"]').forEach((it) => it.remove());
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data
      .replace(/[0-9a-f]{32}/g, "019a9f4e5d7c7d3e9c550d6a3f2b1c00")
      .replace(/20\d\d-\d\d-\d\d([ T])\d\d:\d\d:\d\d/g, "2026-11-24$109:30:00")
      .replace(/20\d\d\/\d{1,2}\/\d{1,2} \d\d:\d\d:\d\d/g, "2026/11/24 09:30:00");
    if (text !== node.data) node.data = text;
  }
};

// A shot of `page` from `selector` on: written, or compared with the one that is committed.
export async function shoot(page, name, selector = "body") {
  if (process.env.SCREENSHOTS === "none") return;
  await page.setViewportSize(WIDE);
  await page.evaluate(settle);
  await page.locator(selector).first().evaluate((it) => it.scrollIntoView({ block: "start" }));
  // The pointer and the focus are somewhere else each time.
  const taken = decode(await page.screenshot({ animations: "disabled", caret: "hide" }));
  const path = join(FOLDER, `${name}.png`);
  if (process.env.SCREENSHOTS === "write") {
    const small = [64, 32, 16, 8].map((most) => encode(taken, most)).find((it) => it.length <= BYTES);
    assert.ok(small, `${name}: more than ${BYTES} bytes`);
    writeFileSync(path, small);
    return;
  }
  assert.ok(existsSync(path), `docs/console/${name}.png is missing: make screenshots`);
  const share = difference(taken, decode(readFileSync(path)));
  if (share > TOLERANCE) writeFileSync(join(process.env.TMPDIR || "/tmp", `${name}.png`), encode(taken));
  assert.ok(share <= TOLERANCE, `${name}: ${(100 * share).toFixed(1)} % of the layout differ; make screenshots, and look`);
}

// How far the committed pictures differ from each other, and whether each is small.
function compareAll() {
  const names = readdirSync(FOLDER).filter((it) => it.endsWith(".png"));
  const pictures = names.map((it) => decode(readFileSync(join(FOLDER, it))));
  let least = [1, ""];
  names.forEach((name, at) => {
    assert.ok(statSync(join(FOLDER, name)).size <= BYTES, `${name} is too large`);
    for (let other = at + 1; other < names.length; other += 1) {
      const share = difference(pictures[at], pictures[other]);
      if (share < least[0]) least = [share, `${name}, ${names[other]}`];
    }
  });
  assert.ok(least[0] > TOLERANCE, `${least[1]} would pass for each other`);
  console.log(`${names.length} pictures; the nearest two differ in ${(100 * least[0]).toFixed(1)} % of the layout (${least[1]})`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) compareAll();
