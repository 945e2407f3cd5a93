// Pictures: PNG as Chromium writes it is read; with a palette, so that it is small, it is written.

import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

// Width, height, and red, green and blue of each pixel.
export function decode(bytes) {
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) throw new Error("no PNG");
  let [head, palette] = [null, null];
  const parts = [];
  for (let at = 8; at < bytes.length;) {
    const [length, kind] = [bytes.readUInt32BE(at), bytes.toString("latin1", at + 4, at + 8)];
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") head = { width: data.readUInt32BE(0), height: data.readUInt32BE(4), depth: data[8], colour: data[9], interlaced: data[12] };
    if (kind === "PLTE") palette = data;
    if (kind === "IDAT") parts.push(data);
    at += 12 + length;
  }
  if (!head || head.interlaced || (head.depth !== 8 && head.colour !== 3)) throw new Error("a PNG of another kind");
  return { width: head.width, height: head.height, rgb: colours(head, palette, unfiltered(head, inflateSync(Buffer.concat(parts)))) };
}

function unfiltered({ width, height, depth, colour }, data) {
  const step = Math.max(1, (CHANNELS[colour] * depth) >> 3);
  const row = Math.ceil((width * CHANNELS[colour] * depth) / 8);
  const out = Buffer.alloc(row * height);
  for (let y = 0; y < height; y += 1) {
    const filter = data[y * (row + 1)];
    for (let x = 0; x < row; x += 1) {
      const left = x >= step ? out[y * row + x - step] : 0;
      const up = y ? out[(y - 1) * row + x] : 0;
      const corner = y && x >= step ? out[(y - 1) * row + x - step] : 0;
      out[y * row + x] = data[y * (row + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
  }
  return { out, row };
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function colours({ width, height, depth, colour }, palette, { out, row }) {
  const rgb = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const to = (y * width + x) * 3;
      if (colour === 3) {
        const bit = x * depth;
        const index = (out[y * row + (bit >> 3)] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
        palette.copy(rgb, to, index * 3, index * 3 + 3);
      } else {
        const from = y * row + x * CHANNELS[colour];
        const is = colour >= 2 && colour !== 4;
        for (let part = 0; part < 3; part += 1) rgb[to + part] = out[from + (is ? part : 0)];
      }
    }
  }
  return rgb;
}

// A picture in its `most` most frequent colours, all others as the nearest of them.
export function encode({ width, height, rgb }, most = 64) {
  const key = (at) => ((rgb[at] >> 3) << 10) | ((rgb[at + 1] >> 3) << 5) | (rgb[at + 2] >> 3);
  const found = new Map();
  for (let at = 0; at < rgb.length; at += 3) {
    const it = found.get(key(at)) || { n: 0, sum: [0, 0, 0] };
    it.n += 1;
    for (let part = 0; part < 3; part += 1) it.sum[part] += rgb[at + part];
    found.set(key(at), it);
  }
  const all = [...found].map(([at, { n, sum }]) => ({ at, n, mean: sum.map((it) => Math.round(it / n)) }));
  const kept = spread(all, most);
  const index = new Map(all.map(({ at, mean }) => [at, nearest(kept, mean)]));
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) lines[y * (width + 1) + 1 + x] = index.get(key((y * width + x) * 3));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("PLTE", Buffer.from(kept.flat())), chunk("IDAT", deflateSync(lines, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

// Colours one by one: the one that is seen most where none that is taken is near.
function spread(all, most) {
  const left = all.map((it) => ({ ...it, far: Infinity }));
  const kept = [];
  while (kept.length < Math.min(most, all.length)) {
    const next = left.reduce((best, it) => (Math.sqrt(it.n) * Math.min(it.far, 1e5) > Math.sqrt(best.n) * Math.min(best.far, 1e5) ? it : best));
    kept.push(next.mean);
    for (const it of left) it.far = Math.min(it.far, distance(it.mean, next.mean));
  }
  return kept;
}

const distance = (one, other) => one.reduce((sum, it, part) => sum + (it - other[part]) ** 2, 0);
const nearest = (kept, mean) => kept.reduce((best, it, at) => (distance(it, mean) < distance(kept[best], mean) ? at : best), 0);

const TABLE = Array.from({ length: 256 }, (_, n) => {
  let it = n;
  for (let bit = 0; bit < 8; bit += 1) it = it & 1 ? (it >>> 1) ^ 0xedb88320 : it >>> 1;
  return it >>> 0;
});

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255];
  const [length, end] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  end.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([length, body, end]);
}
