"use strict";

// Several sure documents at once: each is listed, ticked, and decided by itself.

let listed = [];

const batchRow = (item) => {
  const id = `batch-${item.review_id}`;
  return fw.el("tr", { "data-id": item.review_id },
    fw.el("td", {}, fw.el("input", { type: "checkbox", id, checked: true, "aria-label": title(item) })),
    fw.el("th", { scope: "row" }, fw.el("label", { for: id, class: "check" }, title(item))),
    fw.el("td", {}, item.unit || fw.say("no_unit")),
    fw.el("td", {}, fw.sure(item.confidence)),
    fw.el("td", {}, due(item)),
    fw.el("td", {}));
};

const batchList = async () => {
  try {
    const least = Math.min(100, Math.max(Number(fw.by("least").min), Number(fw.by("least").value))) / 100;
    const asked = new URLSearchParams({ kind, state: "open", confidence_from: least.toFixed(4), limit: "50" });
    const unit = fw.by("unit").value.trim();
    if (unit) asked.set("unit", unit);
    listed = (await fw.answer(await fw.call(`${REVIEWS}?${asked}`))).items;
    fw.by("rows").replaceChildren(...listed.map(batchRow));
    fw.by("batch").hidden = !listed.length;
    fw.by("batch-said").textContent = listed.length ? fw.say("batch_listed", listed.length) : fw.say("batch_none");
  } catch (error) { fail(error); }
};

const batchSend = async () => {
  const ticked = listed.filter((it) => fw.by(`batch-${it.review_id}`)?.checked);
  if (!ticked.length) return;
  fw.by("batch-said").textContent = fw.say("working");
  try {
    const items = ticked.map((it) => ({ review_id: it.review_id, version: it.version }));
    const { items: outcomes } = await fw.answer(await fw.post(`${REVIEWS}/accept`, { items }));
    for (const it of outcomes) {
      const row = fw.by("rows").querySelector(`tr[data-id="${it.review_id}"]`);
      row.lastElementChild.textContent = it.code ? `${it.detail} (${it.code})` : fw.say("batch_ok");
      const box = row.querySelector("input");
      box.checked = false;
      box.disabled = !it.code;
    }
    const accepted = new Set(outcomes.filter((it) => !it.code).map((it) => it.review_id));
    listed = listed.filter((it) => !accepted.has(it.review_id));
    fw.by("batch-said").textContent = fw.say("batch_done", accepted.size, outcomes.length - accepted.size);
    await load(false);
  } catch (error) { fail(error); }
};

on("batch-filter", "submit", batchList);
on("batch", "submit", batchSend);
