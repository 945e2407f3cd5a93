// The console in a real browser: node run.mjs PROGRAM [PART OF A WALK'S NAME]
//
// Pictures of the screens are compared with those of the documentation; SCREENSHOTS=write writes them. Some walks only
// run alone leave too little data for that: then they are not looked at.

import assert from "node:assert/strict";
import { NARROW, WIDE, check, open, tabTo, visit } from "./browser.mjs";
import { prepare, walks as calls } from "./calls.mjs";
import { walks as cards } from "./cards.mjs";
import { walks as clients } from "./clients.mjs";
import { walks as english } from "./english.mjs";
import { walks as modes } from "./modes.mjs";
import { walks as recordings } from "./recordings.mjs";
import { Server } from "./server.mjs";
import { shoot } from "./shots.mjs";

const [program, only = ""] = process.argv.slice(2);
assert.ok(program, "which program? node run.mjs PROGRAM [PART OF A WALK'S NAME]");
if (only) process.env.SCREENSHOTS = "none";

const SCREENS = ["/console", "/console/try", "/console/letters", "/console/documents", "/console/recordings", "/console/calls", "/console/cards", "/console/answers", "/console/models", "/console/models/comparison", "/console/taxonomy",
  "/console/clients", "/console/privacy", "/console/audit", "/console/resources"];

// What the page says last when a decision was taken back.
const UNDONE = "已復原";

// Asks until an answer waits for an officer: unclear ones do.
const ask = async (page, path, body) => {
  for (let n = 1; n <= 3; n += 1) {
    const answer = await page.request.post(path, { data: body(n) });
    assert.equal(answer.status(), 200, path);
  }
};

// Takes the next item, decides it, takes that back, corrects it; then gives the next one up.
const review = async (page, name) => {
  await page.locator("#queue button").first().waitFor();
  await check(page, `${name}, the queue`);
  await page.keyboard.press("n");
  await page.locator("#decide").waitFor();
  await check(page, `${name}, an item`);
  await shoot(page, name);
  // What is decided in the first half second was not looked at.
  await page.waitForTimeout(600);
  await page.keyboard.press("Enter");
  await page.locator("#undo-place").waitFor();
  await check(page, `${name}, decided`);
  await page.keyboard.press("u");
  // Then the item is the officer's again, and the queue is read anew: said last.
  await page.locator("#said", { hasText: UNDONE }).waitFor();
  await page.locator("#correct").waitFor();
  await page.keyboard.press("e");
  await page.waitForFunction(() => document.activeElement.id === "find");
  await tabTo(page, "#label");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, "#correct button");
  await page.keyboard.press("Enter");
  await page.locator("#undo-place").waitFor();
  await check(page, `${name}, corrected`);
};

const walks = {
  // Each screen as a newcomer finds it: most of them empty.
  async "screens, empty"(page) {
    for (const path of SCREENS) {
      const answer = await page.goto(path);
      assert.equal(answer.status(), 200, path);
      await check(page, path);
    }
    for (const path of ["/console/models"]) {
      await page.goto(path);
      for (const it of await page.locator("summary").all()) await it.click();
      await check(page, `${path}, opened`);
    }
  },

  async "English"(page) {
    await page.goto("/console/try?lang=en");
    for (const path of SCREENS) {
      await page.goto(path);
      assert.equal(await page.locator("html").getAttribute("lang"), "en", path);
      await check(page, `${path}, English`);
    }
    await page.goto("/console?lang=zh");
  },

  async "the menu of a narrow screen by keyboard"(page) {
    await page.setViewportSize(NARROW);
    await page.goto("/console");
    assert.equal(await page.locator("#menu-entries").isVisible(), false, "the menu is folded away");
    await tabTo(page, "#menu-button");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#menu-button").getAttribute("aria-expanded"), "true");
    await tabTo(page, "#menu-entries a[href='/console/clients']");
    await check(page, "the menu, unfolded");
    await page.setViewportSize(NARROW);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/clients");
    await page.setViewportSize(WIDE);
    assert.equal(await page.locator("#menu-button").isVisible(), false);
    assert.equal(await page.locator("#menu-entries").isVisible(), true, "a wide screen has room for it");
  },

  async "errors are pages"(page) {
    const missing = await page.goto(`/console/recordings/${"0".repeat(32)}`);
    assert.equal(missing.status(), 404);
    await check(page, "missing");
    await page.goto("/console/audit?do=search&from=x&to=y");
    assert.ok((await page.locator("[role=alert]").textContent()).includes("日期有誤"));
    await check(page, "bad days");
  },

  async "a letter by keyboard"(page) {
    await page.goto("/console/try");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await tabTo(page, "[data-tour=letter]");
    await page.keyboard.press("Enter");
    await page.locator("#letter .suggestions li").first().waitFor();
    await check(page, "a letter, answered");
    assert.ok(await page.locator("#letter mark").count(), "evidence is marked");
    assert.ok(await page.locator("#letter .pii").count(), "personal data is underlined");
    await shoot(page, "try", "#letter .result");
    await tabTo(page, "#letter .suggestions button");
    await page.keyboard.press("Enter");
    await page.locator("#letter .notice[role=status]").waitFor();
  },

  async "a document by keyboard"(page) {
    await page.goto("/console/try");
    await tabTo(page, "#tab-letter");
    await page.keyboard.press("ArrowRight");
    await tabTo(page, "#document .primary");
    await page.keyboard.press("Enter");
    await page.locator("#document .suggestions li").first().waitFor();
    await check(page, "a document, answered");
    await tabTo(page, "[data-tour=document]", 160);
    // The answer to the first document still stands there: what tells is the second one.
    const answered = page.waitForResponse("**/documents/dispatch-suggestions*");
    await page.keyboard.press("Enter");
    await answered;
    assert.equal(await page.locator("#document-file").evaluate((it) => it.files.length), 1);
  },

  ...cards,

  ...recordings,

  async "a letter is reviewed by keyboard"(page) {
    await ask(page, "/api/v1/letters/classifications", (n) => ({ letters: [{ subject: `請問第${n}件`, body: "想請教一件事,謝謝。" }] }));
    await page.goto("/console/letters");
    await review(page, "letters");
  },

  async "a document is dispatched by keyboard"(page) {
    await ask(page, "/api/v1/documents/dispatch-suggestions", (n) => ({ document: { subject: `檢送資料一份(${n})`, body: ["請查照。"] } }));
    await page.goto("/console/documents");
    await review(page, "documents");
  },

  async "the audit log by keyboard"(page) {
    await page.goto("/console/audit");
    await tabTo(page, "form.filters .primary");
    await page.keyboard.press("Enter");
    await page.locator("#found").waitFor();
    await check(page, "rows of the audit log");
    await shoot(page, "audit");
    await tabTo(page, "input[value=verify] + button", 160);
    await page.keyboard.press("Enter");
    await page.locator("[aria-labelledby=verify] .tag.good").first().waitFor();
    await check(page, "the audit log, verified");
  },

  async "a person's data, erased by two persons, by keyboard"(page) {
    const body = { letters: [{ subject: "戶籍遷入", body: "我是王小明,身分證字號A123456789,請問要怎麼補件?" }] };
    assert.equal((await page.request.post("/api/v1/letters/classifications", { data: body })).status(), 200);
    await page.goto("/console/privacy");
    for (const [kind, wrong, said] of [["id-number", "A123456780", "檢查碼"], ["phone", "0912-345-67", "行動電話"], ["email", "ming", "電子信箱"]]) {
      await page.locator("#kind").selectOption(kind);
      await tabTo(page, "#identifier");
      await page.keyboard.press("Control+A");
      await page.keyboard.type(wrong);
      await page.keyboard.press("Enter");
      await page.locator("#said [role=alert]", { hasText: said }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), "identifier", "what is wrong has the focus");
      assert.equal(await page.locator("#identifier").getAttribute("aria-invalid"), "true");
      await check(page, `no identifier: ${kind}`);
    }
    await page.locator("#kind").selectOption("id-number");
    await page.locator("#identifier").fill("B123456780");
    await page.keyboard.press("Enter");
    await page.locator("#found .empty").waitFor();
    await check(page, "nobody found");
    await page.locator("#identifier").fill("A123456789");
    await tabTo(page, "#find .primary");
    await page.keyboard.press("Enter");
    await page.locator("#found tbody tr").first().waitFor();
    assert.ok(!page.url().includes("A123456789"), "no identifier in an address");
    await check(page, "a person, found");
    await shoot(page, "privacy");
    await tabTo(page, "#ask-reason");
    await page.keyboard.type("當事人申請");
    await tabTo(page, "#ask-by");
    await page.keyboard.type("王承辦");
    await page.keyboard.press("Enter");
    await page.waitForURL("**?did=ask");
    await check(page, "an erasure, asked for");
    await tabTo(page, "[data-do=approve]", 160);
    await page.keyboard.press("Enter");
    await page.locator("#approve-dialog[open]").waitFor();
    await check(page, "an erasure, in question");
    await tabTo(page, "#approve-by");
    await page.keyboard.type("王承辦");
    await page.keyboard.press("Enter");
    await page.locator("#said [role=alert]").waitFor();
    await check(page, "an erasure, refused");
    await page.locator("[data-do=approve]").first().focus();
    await page.keyboard.press("Enter");
    await page.locator("#approve-by").fill("李科長");
    await page.keyboard.press("Enter");
    await page.waitForURL("**?did=approve");
    await check(page, "an erasure, done");
  },

  async "a hold by keyboard"(page) {
    await page.goto("/console/privacy");
    await tabTo(page, "#hold-object", 160);
    await page.keyboard.type("C-1");
    await tabTo(page, "#hold-reason");
    await page.keyboard.type("訴願");
    await tabTo(page, "#hold-by");
    await page.keyboard.type("u-1");
    await page.keyboard.press("Enter");
    await page.waitForURL("**?did=hold");
    await check(page, "a hold");
    await tabTo(page, "[data-do=lift]", 160);
    await page.keyboard.press("Enter");
    await page.locator("#lift-dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#lift-dialog[open]").waitFor({ state: "detached" });
    assert.ok(!page.url().includes("lift"), "nothing was lifted");
  },

  async "a proposal of a model, refused, by keyboard"(page) {
    await page.goto("/console/models");
    await tabTo(page, "#propose-version", 160);
    await page.keyboard.type("0");
    await tabTo(page, "#propose-reason");
    await page.keyboard.type("測試");
    await tabTo(page, "#propose-by");
    await page.keyboard.type("王承辦");
    await page.keyboard.press("Enter");
    // The built-in version answers already.
    await page.locator("#said [role=alert]").waitFor();
    await check(page, "a proposal, refused");
  },

  ...modes,

  ...clients,

  async "another version of the units by keyboard"(page) {
    await page.goto("/console/taxonomy?show=all");
    await check(page, "units, all");
    const state = await (await page.request.get("/api/v1/taxonomy")).json();
    const toml = `version = "walk"\ntenant = "${state.tenant}"\nname = "${state.name}"\n[[unit]]\npath = "${state.tenant}/資料司"\nscope = "資料治理"\n`;
    await page.locator("#file").setInputFiles({ name: "bad.toml", mimeType: "application/toml", buffer: Buffer.from("version = ") });
    await tabTo(page, "#version .primary", 160);
    await page.keyboard.press("Enter");
    await page.locator("#said [role=alert]").waitFor();
    await check(page, "a version, refused");
    await page.locator("#file").setInputFiles({ name: "next.toml", mimeType: "application/toml", buffer: Buffer.from(toml) });
    await page.locator("#valid-from").fill("2090-01-01");
    await tabTo(page, "#version .primary", 160);
    await page.keyboard.press("Enter");
    await page.locator("#difference h3").waitFor();
    await check(page, "a version, tried");
    await shoot(page, "taxonomy");
    await tabTo(page, "#add-version");
    await page.keyboard.press("Enter");
    await page.locator("#confirm[open]").waitFor();
    await check(page, "a version, in question");
    await tabTo(page, "#confirm .primary");
    await page.keyboard.press("Enter");
    await page.waitForURL("**?did=add");
    await check(page, "a version, added");
  },

  async "screens, with data"(page) {
    for (const path of ["/console", "/console/resources", "/console/clients", "/console/recordings", "/console/answers", "/console/models"]) {
      await page.goto(path);
      await check(page, `${path}, with data`);
      // The picture of 介接系統 shows an application: see its walk.
      if (path !== "/console/clients") await shoot(page, path === "/console" ? "home" : path.split("/").pop());
    }
  },

  ...english,
};

// What somebody in front of a failed walk would see; what walks show is invented.
const seen = async (page) => {
  const text = await page.locator("body").innerText({ timeout: 5000 }).catch(String);
  return `     at ${page.url()}, complaints: ${JSON.stringify(page.complaints)}, said:\n${text.replace(/\s*\n\s*/g, " | ").slice(0, 4000)}`;
};

const demo = await Server.start(program);
const browser = await open();
let failed = 0;
const run = async (name, walk, address) => {
  if (!name.includes(only)) return;
  const page = await visit(browser, address);
  try {
    await walk(page);
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error.stack}\n${await seen(page)}`);
  }
  await page.context().close();
};

const SCOPES = "letters:classify,documents:dispatch,jobs:read,ops:admin,audit:read";
const HEARING = "speech:transcribe,qa:ask,feedback:write";
try {
  demo.run("clients", "add", "mailbox", "--purpose", "petition-handling", "--approved-by", "u-1");
  for (const [name, walk] of Object.entries(walks)) await run(name, walk, demo.address);
  const guarded = await Server.start(program, '[auth]\nmode = "required"\n');
  guarded.run("clients", "add", "officer", "--purpose", "petition-handling", "--scope", SCOPES, "--approved-by", "u-1");
  const key = guarded.run("clients", "key", "officer").split("\n").pop();
  await run("signing in and out by keyboard", async (page) => {
    await page.goto("/console/audit");
    await check(page, "login");
    await shoot(page, "login");
    await tabTo(page, "#key");
    await page.keyboard.type("fwk_wrong");
    await page.keyboard.press("Enter");
    await page.locator("[role=alert]").waitFor();
    await check(page, "login, refused");
    await page.goto("/console/login?lang=en");
    await page.locator("#key").fill("fwk_wrong");
    await page.keyboard.press("Enter");
    await page.locator("[role=alert]").waitFor();
    await check(page, "login, refused, English");
    await page.goto("/console/login?lang=zh");
    await tabTo(page, "#key");
    await page.keyboard.type(key);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console");
    await check(page, "home, signed in");
    const forbidden = await page.goto("/console/models");
    assert.equal(forbidden.status(), 403);
    await check(page, "forbidden");
    await page.goto("/console/models?lang=en");
    await check(page, "forbidden, English");
    await page.goto("/console?lang=zh");
    await page.goto("/console/try");
    await tabTo(page, "[data-tour=letter]");
    await page.keyboard.press("Enter");
    await page.locator("#letter .result > *").first().waitFor();
    await page.locator("#letter .suggestions li, #letter [role=alert]").first().waitFor();
    await tabTo(page, "header button", 160);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/login");
    await page.goBack();
    assert.ok(page.url().endsWith("/console/login"), "nothing is shown again after signing out");
  }, guarded.address);
  prepare(guarded);
  guarded.run("clients", "add", "hotline", "--purpose", "petition-handling", "--scope", HEARING, "--approved-by", "u-1");
  const hotline = guarded.run("clients", "key", "hotline").split("\n").pop();
  for (const [name, walk] of Object.entries(calls(hotline))) await run(name, walk, guarded.address);
  await guarded.stop();
} finally {
  await browser.close();
  await demo.stop();
}
assert.equal(failed, 0, `${failed} walks failed`);
