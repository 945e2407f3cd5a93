// 證件複核: what was read beside the picture, and the officer's comparison.

import assert from "node:assert/strict";
import { check, tabTo } from "./browser.mjs";
import { shoot } from "./shots.mjs";

// Reads the invented card, by keyboard.
async function read(page) {
  await page.goto("/console/cards");
  await tabTo(page, "#example");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("card-file").files.length === 1);
  await tabTo(page, "#card-form .primary", 160);
  await page.keyboard.press("Enter");
  await page.locator("#result tbody tr").first().waitFor();
}

const text = (page) => page.locator("#result tbody").textContent();

export const walks = {
  async "a card by keyboard"(page) {
    await read(page);
    assert.ok((await text(page)).includes("●"), "numbers are masked");
    await tabTo(page, "#result tbody button");
    assert.equal(await page.locator("polygon.current").count(), 1, "its box lights up");
    assert.ok(await page.locator("#zoom canvas").isVisible(), "the field is enlarged");
    await check(page, "a card, read");
    await shoot(page, "cards");
    // Nothing is shown that is not on record.
    const reveals = "**/api/v1/identity-documents/recognitions/*/reveal";
    await page.route(reveals, (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ code: "ER0530", title: "無法記錄" }) }));
    await tabTo(page, "#reveal", 160);
    await page.keyboard.press("Enter");
    await page.locator("#compare-said [role=alert]", { hasText: "ER0530" }).waitFor();
    assert.ok((await text(page)).includes("●"), "masked, as it is not recorded");
    await page.unroute(reveals);
    const recorded = page.waitForResponse(reveals);
    await page.keyboard.press("Enter");
    assert.equal((await recorded).status(), 204);
    await page.locator("#reveal[aria-pressed=true]").waitFor();
    assert.ok(!(await text(page)).includes("●"), "shown on purpose");
  },

  async "an ID image is checked by keyboard"(page) {
    let recognition = null;
    page.on("response", async (response) => {
      if (response.url().endsWith("/recognitions")) recognition = (await response.json()).recognition_id;
    });
    const sent = [];
    page.on("request", (request) => { if (request.url().endsWith("/feedback")) sent.push(request.postData()); });
    await read(page);
    await tabTo(page, "[data-field=name][data-decision=corrected]", 160);
    await page.keyboard.press("Enter");
    assert.ok((await page.locator("#compare-said").textContent()).includes("顯示號碼與姓名"), "numbers are masked until they are shown");
    await tabTo(page, "#complete", 160);
    await page.keyboard.press("Enter");
    await page.locator("#compare-said", { hasText: "未核對" }).waitFor();
    assert.equal(sent.length, 0, "nothing is noted before all is compared");
    await tabTo(page, "#reveal", 160);
    await page.keyboard.press("Enter");
    await page.locator("#reveal[aria-pressed=true]:enabled").waitFor();
    await tabTo(page, "[data-field=name][data-decision=corrected]", 160);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement.id === "right-name");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("林某某");
    await tabTo(page, "[data-field=id_number][data-decision=accepted]", 160);
    await page.keyboard.press("Enter");
    await check(page, "a card, being compared");
    await tabTo(page, "#all-right", 160);
    await page.keyboard.press("Enter");
    assert.ok((await text(page)).includes("林某某"), "what was typed is shown");
    await tabTo(page, "#reveal", 160);
    await page.keyboard.press("Enter");
    await page.locator("#reveal[aria-pressed=false]:enabled").waitFor();
    assert.ok(!(await text(page)).includes("林某某"), "and masked with the others");
    await tabTo(page, "#complete", 160);
    await page.keyboard.press("Enter");
    await page.locator("#compare-said .notice").waitFor();
    await check(page, "a card, compared");
    assert.equal(sent.length, 1);
    assert.ok(!sent[0].includes("林某某"), "no value is sent");
    const kept = await (await page.request.get(`/api/v1/predictions/${recognition}`)).json();
    assert.equal(kept.service, "identity-documents");
    assert.deepEqual(kept.feedback.map((it) => [it.decision, it.label]), [["corrected", `${kept.labels[0].code.split("/")[0]}/name`]]);
  },

  async "a wrong file is refused in words"(page) {
    await page.goto("/console/cards");
    await page.locator("#card-file").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await tabTo(page, "#card-form .primary");
    await page.keyboard.press("Enter");
    await page.locator("#result [role=alert]").waitFor();
    await check(page, "a refusal");
  },
};
