// Chromium, and what every page must keep to: no violation of the policy, no error, nothing stored, no axe finding.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import axe from "axe-core";
import { chromium } from "playwright-core";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
export const NARROW = { width: 320, height: 800 };
export const WIDE = { width: 1180, height: 820 };

// A microphone that beeps, which nobody is asked for.
const MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

export async function open() {
  const executablePath = process.env.CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  assert.ok(executablePath, "Chromium is missing: apt-get install chromium, or set CHROMIUM to its path");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", ...MICROPHONE] });
}

// A page in a session of its own; what it complains of is kept.
export async function visit(browser, address) {
  const context = await browser.newContext({ baseURL: address, viewport: WIDE, locale: "zh-TW", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    // A refused call is part of some walks; the page says so itself.
    if (message.type() === "error" && !text.startsWith("Failed to load resource")) page.complaints.push(text);
  });
  return page;
}

// What holds of every page in every state.
export async function check(page, at) {
  assert.deepEqual(page.complaints, [], `${at}: complaints of the browser`);
  const violations = await axeOf(page);
  assert.deepEqual(violations, [], `${at}: axe`);
  const kept = await page.evaluate(() => localStorage.length + sessionStorage.length);
  assert.equal(kept, 0, `${at}: something is kept in the browser`);
  const title = await page.title();
  assert.ok(title.includes("·"), `${at}: title ${title}`);
  await page.setViewportSize(NARROW);
  const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
  assert.ok(width <= NARROW.width, `${at}: ${width} pixels wide on a screen of ${NARROW.width}`);
  await page.setViewportSize(WIDE);
}

// The debugger's own door: the page's policy stays as it is.
async function axeOf(page) {
  await page.evaluate(axe.source);
  return page.evaluate(async (tags) => {
    const { violations } = await window.axe.run(document, { runOnly: { type: "tag", values: tags } });
    return violations.map((it) => `${it.id}: ${it.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
  }, RULES);
}

// Presses Tab until what is focused fits `selector`, as somebody without a mouse does.
export async function tabTo(page, selector, most = 80) {
  for (let presses = 0; presses <= most; presses += 1) {
    if (await page.evaluate((it) => document.activeElement?.matches(it) ?? false, selector)) {
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none", `${selector}: its focus cannot be seen`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} is not reached by ${most} presses of Tab`);
}
