// The screens in English in every state: details, dialogs, empty ones, errors. The walks in Chinese do the same by keyboard.

import assert from "node:assert/strict";
import { check } from "./browser.mjs";

// Goes to a screen in English; the language stays with the browser.
async function english(page, path) {
  const answer = await page.goto(`${path}${path.includes("?") ? "&" : "?"}lang=en`);
  assert.equal(await page.locator("html").getAttribute("lang"), "en", path);
  return answer;
}

const said = async (page, at, name) => {
  await page.locator(`${at} [role=alert]`).waitFor();
  await check(page, `${name}, an error, English`);
};

const opened = async (page, dialog, name) => {
  await page.locator(`${dialog}[open]`).waitFor();
  await check(page, `${name}, a dialog, English`);
  await page.keyboard.press("Escape");
};

export const walks = {
  async "English: answers and items"(page) {
    await english(page, "/console/try");
    await page.locator("[data-tour=letter]").click();
    await page.locator("#letter .suggestions li").first().waitFor();
    await check(page, "a letter, answered, English");
    for (const [name, path, data] of [
      ["letters", "/api/v1/letters/classifications", { letters: [{ subject: "請問", body: "想請教一件事,謝謝。" }] }],
      ["documents", "/api/v1/documents/dispatch-suggestions", { document: { subject: "檢送資料一份", body: ["請查照。"] } }],
    ]) {
      assert.equal((await page.request.post(path, { data })).status(), 200, path);
      await english(page, `/console/${name}`);
      await page.locator("#queue button").first().waitFor();
      await page.keyboard.press("n");
      await page.locator("#decide").waitFor();
      await check(page, `${name}, an item, English`);
    }
    await english(page, "/console/cards");
    await page.locator("#example").click();
    await page.waitForFunction(() => document.getElementById("card-file").files.length === 1);
    await page.locator("#card-form .primary").click();
    await page.locator("#result tbody tr").first().waitFor();
    await check(page, "a card, read, English");
    await english(page, "/console/audit?do=search");
    await page.locator("#found").waitFor();
    await check(page, "rows of the audit log, English");
    const { items } = await (await page.request.get("/api/v1/jobs?service=speech&state=succeeded")).json();
    if (items.length) {
      await english(page, `/console/recordings/${items[0].job_id}`);
      await page.locator(".segment, .utterance, #transcript li").first().waitFor();
      await check(page, "a recording, English");
    }
  },

  async "English: dialogs"(page) {
    await english(page, "/console/models");
    await page.locator("#mode-reason").fill("Trial");
    await page.locator("#mode-by").fill("u-1");
    await page.locator("#choose-mode button").click();
    await opened(page, "#mode-dialog", "a mode");
    const person = { kind: "id-number", identifier: "A123456789", reason: "Asked for", by: "u-1" };
    assert.equal((await page.request.post("/api/v1/subjects/erasures", { data: person })).status(), 201);
    const hold = { held: "case", object: "C-9", reason: "Appeal", by: "u-1" };
    assert.equal((await page.request.post("/api/v1/subjects/holds", { data: hold })).status(), 201);
    await english(page, "/console/privacy");
    for (const what of ["approve", "reject", "lift"]) {
      await page.locator(`[data-do=${what}]`).first().click();
      await opened(page, `#${what}-dialog`, what);
    }
  },

  async "English: empty and error states"(page) {
    const missing = await english(page, `/console/recordings/${"0".repeat(32)}`);
    assert.equal(missing.status(), 404);
    await check(page, "missing, English");
    await english(page, "/console/audit?do=search&from=x&to=y");
    await page.locator("[role=alert]").first().waitFor();
    await check(page, "bad days, English");
    await english(page, "/console/audit?do=search&from=2001-01-01&to=2001-01-02");
    await check(page, "no rows, English");
    await english(page, "/console/privacy");
    await page.locator("#identifier").fill("A123456780");
    await page.keyboard.press("Enter");
    await page.locator("#said [role=alert]", { hasText: "This is no ID number" }).waitFor();
    await check(page, "no identifier, English");
    await page.locator("#identifier").fill("B123456780");
    await page.keyboard.press("Enter");
    await page.locator("#found .empty").waitFor();
    await check(page, "nobody found, English");
    await english(page, "/console/models");
    await page.locator("#propose-version").fill("0");
    await page.locator("#propose-reason").fill("Trial");
    await page.locator("#propose-by").fill("u-1");
    await page.keyboard.press("Enter");
    await said(page, "#said", "a proposal");
    await english(page, "/console/taxonomy");
    await page.locator("#file").setInputFiles({ name: "bad.toml", mimeType: "application/toml", buffer: Buffer.from("version = ") });
    await page.locator("#version .primary").click();
    await said(page, "#said", "a version");
    const wrong = { name: "card.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
    await english(page, "/console/cards");
    await page.locator("#card-file").setInputFiles(wrong);
    await page.locator("#card-form .primary").click();
    await page.locator("[role=alert]").first().waitFor();
    await check(page, "no picture, English");
  },
};
