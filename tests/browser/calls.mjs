// 通話中: a call that goes on, with a stream that the walk makes up; and a real one, for a person who signed in.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, tabTo } from "./browser.mjs";
import { shoot } from "./shots.mjs";

// Whisper in a debug build takes its time.
const HEARD = { timeout: 240_000 };

const STREAM = /\/api\/v1\/speech\/stream/;
// Bytes of a quarter of a second.
const FRAME = 8000;

const source = (id, title, quote, score) => ({ source_id: id, version: 2, title, unit: "戶政司", link: "https://www.ris.gov.tw/app/portal/219",
  quote, quote_start: 0, quote_end: Array.from(quote).length, score });
const DISCLOSURE = "本結果由人工智慧產生,僅供承辦人參考";
const MODEL = { name: "qa", version: "1", sha256: "0".repeat(64) };
const found = (id, citations, alternatives) => ({ answer_id: id, state: citations.length ? "answered" : "no_answer", answer: citations.length ? citations[0].quote : null,
  citations, alternatives, used_previous: false, by_words_only: true, model: MODEL, requires_human: true, decision_support: true, disclosure: DISCLOSURE });
const final = (id, language, text, low_confidence) => ({ type: "final", id, start: id * 3 + 0.4, end: id * 3 + 3, language, text, confidence: low_confidence ? 0.4 : 0.9, low_confidence });

const QUOTE = "請本人攜帶印章與最近二年內的照片,至任一戶政事務所補發。";
const SAID = [
  final(0, "zh-TW", "您好,我身分證遺失了,要怎麼補發呢?", false),
  { type: "answer", id: 0, start: 0.4, end: 3, question: "您好,我身分證遺失了,要怎麼補發呢?",
    result: found("019a9f4e5d7c7d3e9c550d6a3f2b1c01", [source("ris-1", "國民身分證補領", QUOTE, 0.93)], [source("ris-2", "戶口名簿補發", "請攜帶身分證與印章。", 0.41)]) },
  final(1, "zh-TW", "我的電話是〔行動電話〕<b>謝謝</b>", true),
  final(2, "en", "How long does it take?", false),
  final(3, "und", "", false),
  { type: "answer", id: 2, start: 6.4, end: 9, question: "那海生館的企鵝叫什麼名字?",
    result: { ...found("019a9f4e5d7c7d3e9c550d6a3f2b1c02", [], [source("zoo-1", "動物園開放時間", "每日九時至十七時。", 0.12)]), refusal_reason: "words_missing", message: "查無資料,將轉由專人處理" } },
  { type: "unasked", id: 2, start: 6.4, end: 9, question: "可以通訊申請嗎?", code: "ER0429", message: "目前請求過多,請稍後再試。" },
  { type: "partial", start: 12, end: 13, text: "那我明天過去" },
];

// A stream that says `SAID` at the second frame, or refuses; what it was told and how much.
async function pretend(page, refusal) {
  const heard = { messages: [], frames: 0, bytes: 0 };
  await page.unrouteAll();
  await page.routeWebSocket(STREAM, (socket) => {
    heard.url = socket.url();
    const say = (message) => socket.send(JSON.stringify(message));
    socket.onMessage((message) => {
      if (typeof message !== "string") {
        heard.frames += 1;
        heard.bytes += message.length;
        if (heard.frames === 2) SAID.forEach(say);
        return;
      }
      const { type } = JSON.parse(message);
      heard.messages.push(JSON.parse(message));
      if (refusal) {
        say(refusal);
        socket.close({ code: 1008 });
      } else if (type === "end") {
        say({ type: "done", received: heard.bytes / 32_000 });
        socket.close({ code: 1000 });
      } else {
        say({ type: "ready", token: "t", received: 0, frame_bytes: 32_000, idle: 30, resume: 60 });
      }
    });
  });
  return heard;
}

// Ten minutes of silence in the place of the example: a call that goes on until somebody ends it.
async function prolong(page) {
  const n = 600 * 8000;
  const wav = Buffer.alloc(44 + n, 128);
  wav.write("RIFF", 0, "latin1");
  wav.writeUInt32LE(36 + n, 4);
  wav.write("WAVEfmt ", 8, "latin1");
  [[16, 16], [24, 8000], [28, 8000], [40, n]].forEach(([at, it]) => wav.writeUInt32LE(it, at));
  [[20, 1], [22, 1], [32, 1], [34, 8]].forEach(([at, it]) => wav.writeUInt16LE(it, at));
  wav.write("data", 36, "latin1");
  await page.route("**/console/samples/recording.mp3", (route) => route.fulfill({ body: wav, contentType: "audio/wav" }));
}

// Takes the verdicts of the officer.
async function judge(page) {
  const verdicts = [];
  await page.route("**/api/v1/predictions/*/feedback", (route) => {
    verdicts.push([route.request().url().split("/").at(-2), route.request().postDataJSON()]);
    return route.fulfill({ status: 204 });
  });
  return verdicts;
}

const begin = async (page) => {
  await tabTo(page, "#start", 160);
  await page.keyboard.press("Enter");
};

// An index of one source, as the commands make it.
export function prepare(server) {
  const file = join(server.folder, "faq.jsonl");
  writeFileSync(file, `${JSON.stringify({ id: "ris-1", title: "國民身分證補領", question: "東西不見了怎麼辦?", answer: QUOTE, unit: "戶政司" })}\n`);
  server.run("qa", "import", file, "--by", "u-1");
  server.run("qa", "approve", "--all", "--by", "u-2");
  server.run("qa", "index");
}

// Signs in with a key, and opens the screen.
async function visit(page, key) {
  await page.goto("/console/login");
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/console");
  // A running server takes up a new index within seconds.
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await page.goto("/console/calls");
    if (await page.locator("#call[data-answers]").count()) return answer;
    await page.waitForTimeout(200);
  }
  return assert.fail("the server did not take up the new index");
}

// Walks of somebody who has this key.
export const walks = (key) => ({
  async "a call with suggested answers by keyboard"(page) {
    const heard = await pretend(page);
    const verdicts = await judge(page);
    await prolong(page);
    const answer = await visit(page, key);
    assert.ok(answer.headers()["permissions-policy"].startsWith("microphone=(self)"));
    await check(page, "no call yet");
    await begin(page);
    await page.locator("#answers li").nth(2).waitFor();
    await page.locator("#partial", { hasText: "那我明天過去" }).waitFor();
    assert.ok(heard.url.endsWith("?answers=true"), heard.url);
    const { purpose, ...opening } = heard.messages[0];
    assert.deepEqual([opening, purpose.code], [{ type: "start", rate: 16_000 }, "petition-handling"]);
    assert.equal(await page.locator("#finals li").count(), 4);
    assert.deepEqual(await page.locator("#finals .tag:not(.warn)").allTextContents(), ["國語", "國語", "英語", "未轉寫"]);
    assert.equal(await page.locator("#finals .pii").textContent(), "〔行動電話〕");
    assert.equal(await page.locator("#finals .doubt + .tag").textContent(), "信心較低");
    assert.equal(await page.locator("#finals b").count(), 0, "what is heard is text");
    assert.equal(await page.locator("#partial em").evaluate((it) => getComputedStyle(it).fontStyle), "italic");
    assert.ok((await page.locator(".suggested").nth(0).textContent()).includes(`${QUOTE}來源：國民身分證補領 · 戶政司 · 版本 2，第 1 至 ${Array.from(QUOTE).length} 字`));
    assert.ok((await page.locator(".suggested").nth(1).textContent()).includes("查無資料，將轉由專人處理"));
    assert.ok((await page.locator(".suggested").nth(2).textContent()).includes("目前請求過多"));
    await check(page, "a call that goes on");
    await page.locator("#answers").evaluate((it) => { it.scrollTop = 0; });
    await shoot(page, "calls", "h1");
    await tabTo(page, ".suggested button", 160);
    await page.keyboard.press("Enter");
    await page.locator(".suggested [role=status]", { hasText: "已記錄：採用。" }).waitFor();
    await tabTo(page, "#answers li:nth-child(2) button", 160);
    await page.keyboard.press("Enter");
    await page.locator("#answers li:nth-child(2) [role=status]", { hasText: "已記錄：不適用。" }).waitFor();
    assert.deepEqual(verdicts, [
      ["019a9f4e5d7c7d3e9c550d6a3f2b1c01", { decision: "accepted" }],
      ["019a9f4e5d7c7d3e9c550d6a3f2b1c02", { decision: "discarded", reason: "not_applicable" }],
    ]);
    await check(page, "a call, judged");
    await tabTo(page, "#stop", 160);
    await page.keyboard.press("Enter");
    await page.locator("#state", { hasText: "已結束" }).waitFor();
    assert.ok(await page.locator("#partial").isHidden());
    assert.equal(heard.messages.at(-1).type, "end");
    assert.equal(heard.bytes, heard.frames * FRAME);
    for (const it of await page.locator("summary").all()) await it.click();
    await check(page, "a call, over");
  },

  async "a call in English"(page) {
    await pretend(page);
    await prolong(page);
    await visit(page, key);
    await page.goto("/console/calls?lang=en");
    await check(page, "no call yet, English");
    await begin(page);
    await page.locator("#answers li").nth(2).waitFor();
    await check(page, "a call that goes on, English");
    await page.locator("#stop").click();
    await page.locator("#state", { hasText: "Ended after" }).waitFor();
    await page.goto("/console/calls?lang=zh");
  },

  async "a call that is refused"(page) {
    await pretend(page, { type: "error", code: "ER0429", message: "即時串流已達上限,請稍後再試。" });
    await visit(page, key);
    await begin(page);
    await page.locator("#problem [role=alert]", { hasText: "即時串流已達上限" }).waitFor();
    await check(page, "a call, refused");
    assert.ok(await page.locator("#start").isEnabled());
    await page.locator("[value=file]").check();
    await begin(page);
    await page.locator("#problem [role=alert]", { hasText: "請先選擇聲音檔" }).waitFor();
    await page.locator("#sound").setInputFiles({ name: "a.wav", mimeType: "audio/wav", buffer: Buffer.from("RIFF no sound") });
    await begin(page);
    await page.locator("#problem [role=alert]", { hasText: "無法讀取" }).waitFor();
    await check(page, "a file that is no sound");
  },

  async "a connection that breaks is taken up"(page) {
    // The frames of both connections: the second begins where the first was heard to.
    const [openings, frames] = [[], [0, 0]];
    await page.routeWebSocket(STREAM, (socket) => {
      const say = (message) => socket.send(JSON.stringify(message));
      socket.onMessage((message) => {
        if (typeof message !== "string") {
          frames[openings.length - 1] += 1;
          if (openings.length === 1 && frames[0] === 4) {
            say(final(0, "zh-TW", "第一句。", false));
            socket.close({ code: 3000 });
          }
          return;
        }
        const it = JSON.parse(message);
        if (it.type === "end") {
          say({ type: "done", received: 1 });
          socket.close({ code: 1000 });
          return;
        }
        openings.push(it);
        say({ type: "ready", token: "t", received: openings.length === 1 ? 0 : 0.5, frame_bytes: 32_000, idle: 30, resume: 60 });
      });
    });
    await visit(page, key);
    await page.locator("#speed").selectOption("4");
    await begin(page);
    await page.locator("#state", { hasText: "重新連線" }).waitFor();
    await page.locator("#state", { hasText: "已結束" }).waitFor();
    assert.deepEqual(openings.map(({ purpose, ...it }) => it), [{ type: "start", rate: 16_000 }, { type: "resume", token: "t", after: 0 }]);
    const all = await page.evaluate(async () => {
      const sound = await fw.live.decode(await (await fetch("/console/samples/recording.mp3")).blob());
      return Math.ceil(sound.length / 4000);
    });
    assert.equal(frames[1], all - 2, "from half a second on, two frames, everything was sent again");
  },

  async "a microphone is heard by keyboard"(page) {
    const heard = await pretend(page);
    await visit(page, key);
    await tabTo(page, "[name=source]", 160);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.ok(await page.locator("[value=microphone]").isChecked());
    await begin(page);
    await page.locator("#finals li").first().waitFor();
    await check(page, "a call, heard by a microphone");
    await tabTo(page, "#stop", 160);
    await page.keyboard.press("Enter");
    await page.locator("#state", { hasText: "已結束" }).waitFor();
    assert.ok(heard.frames >= 2 && heard.bytes === heard.frames * FRAME, `${heard.frames} frames of ${heard.bytes} bytes`);
    assert.equal(heard.messages.at(-1).type, "end");
  },

  // The cookie opens the stream of the server itself, and the verdict is kept there.
  async "an invented caller is heard live"(page) {
    await visit(page, key);
    await page.locator("#speed").selectOption("4");
    await begin(page);
    await page.locator("#state", { hasText: "已結束" }).waitFor(HEARD);
    const text = await page.locator("#finals").textContent();
    console.log(`     heard: ${text.replace(/\s+/g, " ")}`);
    assert.ok(text.includes("請問") && text.includes("電話"), text);
    assert.ok(!/\d{6}/.test(text), `personal data is masked: ${text}`);
    await page.locator(".suggested").first().waitFor();
    await check(page, "a call, heard live");
    const verdict = page.waitForResponse("**/api/v1/predictions/*/feedback");
    await tabTo(page, ".suggested button", 160);
    await page.keyboard.press("Enter");
    assert.equal((await verdict).status(), 204);
    await page.locator(".suggested [role=status]", { hasText: "已記錄" }).first().waitFor();
  },
});
