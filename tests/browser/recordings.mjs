// 1996 錄音: a newcomer's recording, correcting its transcript, and a long one.

import assert from "node:assert/strict";
import { check, NARROW, tabTo, WIDE } from "./browser.mjs";
import { shoot } from "./shots.mjs";

// Whisper in a debug build takes its time.
const HEARD = { timeout: 240_000 };

// The newest recording that was transcribed; its id.
async function newest(page) {
  const { items } = await (await page.request.get("/api/v1/jobs?service=speech&state=succeeded")).json();
  assert.ok(items.length, "a recording was transcribed before");
  return items[0].job_id;
}

const MINUTES = 30;
const SEGMENTS = 600;

// What the API answers of thirty minutes in which two people talk.
function transcript(id) {
  const text = "您好,我想請問戶籍遷入要準備哪些證件,租屋處的房東是不是一定要同意。";
  const seconds = (MINUTES * 60) / SEGMENTS;
  const segments = Array.from({ length: SEGMENTS }, (_, at) => {
    const words = Array.from(text).map((ch, place) => ({
      text: ch, start: at * seconds + place * 0.08, end: at * seconds + place * 0.08 + 0.08, confidence: place % 9 === 4 ? 0.3 : 0.9,
    }));
    return { id: at, channel: at % 2, speaker: at % 2 ? "專員" : "民眾", start: at * seconds, end: at * seconds + 2.9, language: "zh-TW", text,
      confidence: 0.8, low_confidence: false, words, pii: [] };
  });
  return { job_id: id, state: "succeeded", progress: 1, version: 0, transcript: {
    rendition: "redacted", duration: MINUTES * 60, channels: 2, speakers: ["民眾", "專員"], segments, low_confidence_ratio: 0.1,
    has_other_language: false, notices: [], model: { name: "whisper-base", version: "1", sha256: "0".repeat(64) }, disclosure: "本結果由人工智慧產生,僅供承辦人參考",
  } };
}

// Thirty minutes of a tone that swells, as WAV of two channels of 16 bits at 8 kHz: 57 MB.
function sound() {
  const n = MINUTES * 60 * 8000 * 4;
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + n, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(2, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(32_000, 28);
  head.writeUInt16LE(4, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(n, 40);
  const samples = Buffer.alloc(n);
  for (let at = 0; at < n; at += 2) samples.writeInt16LE(Math.round(30_000 * Math.abs(Math.sin(at / 160_000)) * Math.sin(at / 12)), at);
  return Buffer.concat([head, samples]);
}

// Runs in the page: peaks of a second of two tones in each format of telephones, beside what the browser decodes of it.
const formats = async () => {
  const [rate, n] = [8000, 8000];
  const file = (kind, bits, sample) => {
    const bytes = new DataView(new ArrayBuffer(44 + n * 2 * (bits / 8)));
    const text = (at, it) => Array.from(it).forEach((ch, place) => bytes.setUint8(at + place, ch.charCodeAt(0)));
    text(0, "RIFF");
    // As a recorder writes it that did not know yet how long it would be.
    bytes.setUint32(4, 0xffffffff, true);
    text(8, "WAVEfmt ");
    bytes.setUint32(16, 16, true);
    [kind, 2].forEach((it, place) => bytes.setUint16(20 + 2 * place, it, true));
    [rate, rate * 2 * (bits / 8)].forEach((it, place) => bytes.setUint32(24 + 4 * place, it, true));
    [2 * (bits / 8), bits].forEach((it, place) => bytes.setUint16(32 + 2 * place, it, true));
    text(36, "data");
    bytes.setUint32(40, bytes.byteLength - 44, true);
    for (let at = 0; at < n * 2; at += 1) sample(bytes, 44 + at * (bits / 8), at);
    return new Blob([bytes]);
  };
  const tone = (at) => (at % 2 ? 0.5 : 0.9) * Math.sin(at / 2 / (at % 2 ? 3 : 40)) * (at / 2 / n);
  const all = {
    "8 bits": file(1, 8, (bytes, place, at) => bytes.setUint8(place, 128 + Math.round(127 * tone(at)))),
    "16 bits": file(1, 16, (bytes, place, at) => bytes.setInt16(place, Math.round(32767 * tone(at)), true)),
    // Every byte that there is.
    "A-law": file(6, 8, (bytes, place, at) => bytes.setUint8(place, (at >> 1) % 256)),
    "mu-law": file(7, 8, (bytes, place, at) => bytes.setUint8(place, (at >> 1) % 256)),
    "floating": file(3, 32, (bytes, place, at) => bytes.setFloat32(place, tone(at), true)),
  };
  const wrong = [];
  for (const [name, blob] of Object.entries(all)) {
    const { lanes, seconds } = await fw.waveform.read(blob, 1);
    const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await blob.arrayBuffer());
    if (seconds !== 1 || lanes.length !== 2) wrong.push(`${name}: ${lanes.length} lanes of ${seconds} s`);
    lanes.forEach((peaks, lane) => {
      const true_ = new Float32Array(peaks.length);
      sound.getChannelData(lane).forEach((it, at) => {
        const place = Math.floor(at * (peaks.length / sound.length));
        true_[place] = Math.max(true_[place], Math.abs(it));
      });
      const far = peaks.findIndex((it, at) => Math.abs(it - true_[at]) > 0.01);
      if (far >= 0) wrong.push(`${name}, lane ${lane}: ${peaks[far]} at ${far}, not ${true_[far]}`);
    });
  }
  // A slow machine: whenever the clock is read another 10 ms are over. The page has its turn after each batch.
  const [wait, now] = [fw.wait, performance.now];
  let [turns, ms] = [0, 0];
  fw.wait = async () => { turns += 1; };
  performance.now = () => (ms += 10);
  await fw.waveform.read(all["8 bits"], 1);
  [fw.wait, performance.now] = [wait, now];
  if (turns < 2) wrong.push(`${n} samples are looked at without a pause`);
  const endless = await fw.waveform.read(new Blob(["not a WAV file"]), 4000);
  if (endless !== null) wrong.push("what is too long to decode is decoded");
  return wrong;
};

// Columns that are drawn at one time, samples that are read at one time: as in waveform.js.
const COLUMNS = 200;
const SAMPLES = 1 << 18;

// Waits until the whole waveform is drawn; in how many slices it was.
const drawn = async (page) => {
  await page.waitForFunction(() => {
    const canvas = document.getElementById("waveform");
    const shown = Math.round(canvas.clientWidth * devicePixelRatio);
    return canvas.width === shown && canvas.dataset.columns === String(shown);
  });
  const { width, slices, read } = await page.evaluate(() => ({ width: document.getElementById("waveform").width, ...document.getElementById("waveform").dataset }));
  assert.equal(Number(slices), Math.ceil(width / COLUMNS), `slices of ${width} columns`);
  assert.equal(Number(read), Math.ceil((MINUTES * 60 * 8000) / SAMPLES), "slices of reading");
  return width;
};

// Runs in the page: every task of more than 50 ms.
const watchTasks = () => {
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((it) => ({ at: it.startTime, took: it.duration }))))
    .observe({ type: "longtask", buffered: true });
};

const told = (name, tasks) => `${name}: ${tasks.length} tasks over 50 ms${tasks.length ? `, the longest ${Math.max(...tasks.map((it) => it.took)).toFixed(0)} ms` : ""}`;

export const walks = {
  async "a newcomer hears a recording by keyboard"(page) {
    await page.goto("/console/try");
    await tabTo(page, "[data-tour=speech]");
    await page.keyboard.press("Enter");
    await page.locator("#speech .result").locator("li, [role=alert]").first().waitFor(HEARD);
    await check(page, "a recording, heard");
    const text = await page.locator("#speech .transcript").textContent();
    console.log(`     heard: ${text.replace(/\s+/g, " ")}`);
    for (const word of ["請問", "電話", "謝謝"]) assert.ok(text.includes(word), `${word} is not in ${text}`);
    await tabTo(page, "#speech .result a", 160);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/recordings/*");
  },

  async "a transcript is corrected by keyboard"(page) {
    const id = await newest(page);
    const api = `/api/v1/speech/transcriptions/${id}`;
    await page.goto(`/console/recordings/${id}`);
    await page.locator(".utterance").first().waitFor();
    await check(page, "a transcript");
    await tabTo(page, ".utterance");
    await page.keyboard.press("e");
    await page.waitForFunction(() => document.activeElement.id === "correction-text");
    await check(page, "a transcript, being corrected");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement.matches(".utterance"));
    await tabTo(page, ".correct");
    await page.keyboard.press("Enter");
    await page.keyboard.press("End");
    await page.keyboard.type("我更正了這一句,電話0912345678");
    await page.keyboard.press("Enter");
    await page.locator(".correction ins").first().waitFor();
    assert.ok((await page.locator(".utterance").first().textContent()).includes("〔行動電話〕"), "personal data is looked for anew");
    assert.ok((await page.locator("#said").textContent()).includes("已更正"));
    assert.ok(await page.evaluate(() => document.activeElement.matches(".utterance")), "the focus is where it was");
    await check(page, "a transcript, corrected");
    await shoot(page, "recording", "#transcript-title");
    for (const format of ["vtt", "srt", "txt"]) {
      const saved = await (await page.request.get(await page.locator(`[data-format=${format}]`).getAttribute("href"))).text();
      assert.ok(saved.includes("我更正了") && !saved.includes("0912345678"), `${format}: ${saved}`);
    }
    // Another officer, meanwhile.
    const other = await page.request.put(`${api}/segments/0/correction`, { data: { text: "<b>別人更正的</b>" }, headers: { "if-match": "\"1\"" } });
    assert.equal(other.status(), 200);
    await page.keyboard.press("e");
    await page.keyboard.type("慢了一步");
    await page.keyboard.press("Enter");
    await page.locator(".correcting [role=alert]").waitFor();
    await check(page, "a transcript that somebody else has corrected");
    await tabTo(page, ".correcting [role=alert] button");
    await page.keyboard.press("Enter");
    await page.locator(".utterance", { hasText: "<b>別人更正的</b>" }).waitFor();
    assert.equal(await page.locator("#transcript b").count(), 0, "what somebody typed is text");
    for (const left of [1, 0]) {
      await tabTo(page, ".undo", 160);
      await page.keyboard.press("Enter");
      await page.locator("#said", { hasText: "已復原" }).waitFor();
      await page.waitForFunction((n) => document.querySelectorAll(".correction").length === n, left);
      await page.evaluate(() => document.getElementById("said").replaceChildren());
    }
    await check(page, "a transcript, as it was heard");
  },

  async "thirty minutes of sound"(page) {
    const id = await newest(page);
    await page.route(`**/api/v1/speech/transcriptions/${id}`, (route) => route.fulfill({ json: transcript(id) }));
    const wav = sound();
    await page.route(`**/api/v1/speech/transcriptions/${id}/audio`, (route) => route.fulfill({ body: wav, contentType: "audio/wav" }));
    await page.addInitScript(watchTasks);
    await page.goto(`/console/recordings/${id}`);
    await page.waitForFunction((n) => document.getElementById("transcript").dataset.loaded === String(n), SEGMENTS);
    const loaded = await page.evaluate(() => ({ ms: performance.now(), tasks: window.longTasks.splice(0) }));
    console.log(`     loaded after ${loaded.ms.toFixed(0)} ms; ${told("while loading", loaded.tasks)}`);
    const shape = await page.evaluate(() => ({
      nodes: document.querySelectorAll("#transcript *").length, buttons: document.querySelectorAll("#transcript button").length,
    }));
    // A button and three pieces each, and the words that are underlined; one button for corrections.
    assert.equal(shape.buttons, SEGMENTS, "no button of its own for the correction of each utterance");
    assert.ok(shape.nodes <= SEGMENTS * 10 + 20, `${shape.nodes} elements`);
    // Only what is in sight is laid out, however long the recording is.
    const n_skipped = await page.evaluate(() => [...document.querySelectorAll("#transcript li")].filter((it) => !it.firstElementChild.checkVisibility({ contentVisibilityAuto: true })).length);
    assert.ok(SEGMENTS * 0.8 < n_skipped, `${n_skipped} utterances are not laid out`);
    await page.evaluate(async () => {
      const step = innerHeight * 0.8;
      for (let y = 0; y < document.scrollingElement.scrollHeight; y += step) {
        scrollTo({ top: y, behavior: "instant" });
        await new Promise(requestAnimationFrame);
      }
      scrollTo({ top: 0, behavior: "instant" });
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    console.log(`     ${told("while scrolling", await page.evaluate(() => window.longTasks.splice(0)))}`);
    await tabTo(page, "#load-audio");
    await page.keyboard.press("Enter");
    await page.locator("#waveform:not(.hidden)").waitFor();
    const wide = await drawn(page);
    console.log(`     ${told("while the waveform is drawn", await page.evaluate(() => window.longTasks.splice(0)))}`);
    await page.setViewportSize(NARROW);
    const narrow = await drawn(page);
    assert.ok(narrow < wide, `${narrow} columns on a narrow screen, ${wide} on a wide one`);
    await page.setViewportSize(WIDE);
    assert.equal(await drawn(page), wide);
    console.log(`     ${told("while it is drawn again", await page.evaluate(() => window.longTasks.splice(0)))}`);
    assert.deepEqual(await page.evaluate(formats), [], "formats of telephones");
    // The transcript follows the sound: of both channels at most one utterance each.
    await page.evaluate(() => {
      const audio = document.getElementById("audio");
      audio.currentTime = 901;
      return new Promise((resolve) => audio.addEventListener("timeupdate", resolve, { once: true }));
    });
    await page.locator(".utterance[aria-current]").first().waitFor();
    const current = await page.locator(".utterance[aria-current]").all();
    assert.equal(current.length, 1);
    assert.ok((await current[0].textContent()).startsWith("15:00"), await current[0].textContent());
    console.log(`     ${told("while following", await page.evaluate(() => window.longTasks.splice(0)))}`);
    await page.keyboard.press("Tab");
    await page.locator(".utterance").first().focus();
    await page.keyboard.press("End");
    assert.ok((await page.evaluate(() => document.activeElement.textContent)).startsWith("29:57"));
    assert.equal(await page.locator(".correct").count(), 1);
  },
};
