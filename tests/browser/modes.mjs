// 模型與評測: an agency's service is put into the shadow, and what it answers there is compared with what was decided.

import assert from "node:assert/strict";
import { check, tabTo } from "./browser.mjs";
import { shoot } from "./shots.mjs";

const AGENCY = "A99000000A";
const LETTERS = "/api/v1/letters/classifications";

// Asks for the agency; the first answer.
const ask = async (page, subject) => {
  const data = { letters: [{ subject, body: "請問要準備哪些證件?" }] };
  const answer = await page.request.post(LETTERS, { data, headers: { "x-org-code": AGENCY } });
  return { status: answer.status(), body: await answer.json() };
};

// Fills the form of modes by keyboard and confirms.
async function choose(page, mode) {
  await page.goto("/console/models");
  await tabTo(page, "#mode-org", 160);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(AGENCY);
  await tabTo(page, "#mode-mode");
  await page.locator("#mode-mode").selectOption(mode);
  await tabTo(page, "#mode-reason");
  await page.keyboard.type("試辦前比對");
  await tabTo(page, "#mode-by");
  await page.keyboard.type("王承辦");
  await page.keyboard.press("Enter");
  await page.locator("#mode-dialog[open]").waitFor();
  await check(page, `a mode, in question: ${mode}`);
  await tabTo(page, "#mode-dialog .primary");
  await page.keyboard.press("Enter");
  await page.waitForURL("**?did=mode");
  await check(page, `a mode, chosen: ${mode}`);
}

export const walks = {
  async "a service in the shadow, by keyboard"(page) {
    await page.goto("/console/models/comparison");
    await check(page, "comparison, before");
    await choose(page, "shadow");
    for (const [subject, label] of [["戶籍遷入", null], ["兵役緩徵", "戶政司"], ["土地複丈", null]]) {
      const { status, body } = await ask(page, subject);
      assert.equal(status, 200);
      assert.deepEqual(body.items[0].labels, [], "nothing is shown");
      if (!label) continue;
      const path = `/api/v1/predictions/${body.items[0].prediction_id}/feedback`;
      const said = await page.request.post(path, { data: { decision: "corrected", label }, headers: { "x-org-code": AGENCY } });
      assert.equal(said.status(), 204);
    }
    await page.goto("/console/models");
    await tabTo(page, "a[href='/console/models/comparison']");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/models/comparison");
    await page.locator("section.panel").first().waitFor();
    await check(page, "comparison, with data");
    await page.goto("/console/models/comparison?lang=en");
    await check(page, "comparison, with data, English");
    await page.goto("/console/models/comparison?lang=zh");
    await choose(page, "off");
    const refused = await ask(page, "戶籍遷入");
    assert.deepEqual([refused.status, refused.body.code], [403, "ER0312"]);
    await page.goto("/console/models");
    await shoot(page, "modes", "[aria-labelledby=modes]");
    await tabTo(page, "[data-mode]", 160);
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#mode-org").inputValue(), AGENCY, "the form has the row");
    await choose(page, "default");
  },
};
