// 介接系統: systems apply, another person decides, keys are issued and revoked, systems are suspended and let call again.

import assert from "node:assert/strict";
import { check, tabTo } from "./browser.mjs";
import { shoot } from "./shots.mjs";

const CLIENTS = "/console/clients";
const APPLICATIONS = "/api/v1/clients/applications";
const NUMBER = "SO-2026-000123";

// What the platform of online applications hands over.
const apply = async (page, client, more = {}) => {
  const data = { application_no: NUMBER, applied_by: "u-31", client_id: client, org: "301000000A",
    scopes: ["letters:classify", "letters:read", "feedback:write"], purposes: ["petition-handling"], ...more };
  const answer = await page.request.post(APPLICATIONS, { data });
  assert.equal(answer.status(), 201, client);
};

const LIMITS = { networks: ["10.1.0.0/16"], hours: "08:00-18:00", valid_days: 365 };

// Opens a dialog from a button and tells what it says.
const ask = async (page, what, name, button = `[data-do=${what}]`) => {
  await tabTo(page, button, 160);
  await page.keyboard.press("Enter");
  await page.locator(`#${what}-dialog[open]`).waitFor();
  await check(page, `${what}, in question${name}`);
};

const done = async (page, what, name) => {
  await page.waitForURL(`**?did=${what}*`);
  await page.locator("main > .notice[role=status]").waitFor();
  await check(page, `${what}, done${name}`);
};

// Confirms what a dialog asks.
const confirm = async (page, what, name) => {
  await tabTo(page, `#${what}-dialog .primary`);
  await page.keyboard.press("Enter");
  await done(page, what, name);
};

const decide = async (page, name) => {
  await apply(page, "contact-centre", LIMITS);
  await apply(page, "twice", { application_no: "SO-2026-000124" });
  await page.goto(CLIENTS);
  await page.locator("article").first().waitFor();
  const waiting = await page.locator("article").first().textContent();
  for (const it of [NUMBER, "u-31", "letters:classify", "petition-handling", "10.1.0.0/16", "08:00-18:00", "365"]) {
    assert.ok(waiting.includes(it), `${it} of the application is shown`);
  }
  await check(page, `applications${name}`);
  if (!name) await shoot(page, "clients");

  await ask(page, "approve", name);
  await tabTo(page, "#approve-by");
  await page.keyboard.type("U-31");
  await page.keyboard.press("Enter");
  await page.locator("#said [role=alert]").waitFor();
  await check(page, `approve, refused: the applicant${name}`);
  await ask(page, "approve", name);
  await page.locator("#approve-by").fill("u-2");
  await page.keyboard.press("Enter");
  await done(page, "approve", name);
  await page.locator(".notice a[href='#client-contact-centre']").waitFor();

  await ask(page, "reject", name);
  await tabTo(page, "#reject-by");
  await page.keyboard.type("u-2");
  await page.keyboard.press("Enter");
  // Without a reason it stays open.
  await page.locator("#reject-dialog[open]").waitFor();
  await page.locator("#reject-reason").fill("重複申請");
  await page.locator("#reject-by").focus();
  await page.keyboard.press("Enter");
  await done(page, "reject", name);
  await tabTo(page, "summary", 160);
  await page.keyboard.press("Enter");
  const decided = await page.locator("details").textContent();
  assert.ok(decided.includes("重複申請") && decided.includes("u-2"), decided);
  await check(page, `applications, decided${name}`);
};

// A key is shown once; then it is revoked, and the system is suspended and let call again.
const look = async (page, name) => {
  const own = (path) => `[data-path="/api/v1/clients/contact-centre${path}"]`;
  await tabTo(page, '[data-issue="/api/v1/clients/contact-centre/keys"]', 160);
  await page.keyboard.press("Enter");
  await page.locator("#key-dialog[open]").waitFor();
  const key = await page.locator("#key-text").inputValue();
  assert.match(key, /^fwd_[0-9A-Za-z_-]{40,}$/, "the whole key");
  await check(page, `a key${name}`);
  await tabTo(page, "#key-copy");
  await page.keyboard.press("Enter");
  await page.locator("#key-said p").waitFor();
  await tabTo(page, "#key-dialog button[value=close]");
  await page.keyboard.press("Enter");
  await done(page, "issue", name);
  assert.ok(!(await page.content()).includes(key), "a key is shown once");
  const id = await page.locator("#client-contact-centre ~ table tbody th").first().textContent();
  await ask(page, "revoke", name, own(`/keys/${id}`));
  await page.keyboard.press("Escape");
  await page.locator("#revoke-dialog[open]").waitFor({ state: "detached" });
  assert.ok(page.url().includes("did=issue"), "nothing was revoked");
  await ask(page, "revoke", name, own(`/keys/${id}`));
  await confirm(page, "revoke", name);
  await ask(page, "suspend", name, own("/suspend"));
  await confirm(page, "suspend", name);
  await ask(page, "enable", name, own("/enable"));
  await confirm(page, "enable", name);
};

export const walks = {
  async "applications of systems by keyboard"(page) {
    await decide(page, "");
  },

  async "keys of a system by keyboard"(page) {
    await page.goto(CLIENTS);
    await look(page, "");
  },

  async "English: applications and keys"(page) {
    await page.goto(`${CLIENTS}?lang=en`);
    await page.locator("#waiting + .empty").waitFor();
    await check(page, "no application waits, English");
    const name = ", English";
    await apply(page, "english", LIMITS);
    await page.goto(CLIENTS);
    await check(page, `applications${name}`);
    await ask(page, "reject", name);
    await page.keyboard.press("Escape");
    await ask(page, "approve", name);
    await page.locator("#approve-by").fill("u-31");
    await page.keyboard.press("Enter");
    await page.locator("#said [role=alert]").waitFor();
    await check(page, `approve, refused${name}`);
    await look(page, name);
  },
};
