"use strict";

// 信件複審 and 公文分文. Everything goes through the API, which guards and records it; texts become text nodes.

const REVIEWS = "/api/v1/reviews";
const PAGE = 25;
const SHOWN = 20000;
const SOON_MS = 120000;
const UNDO_MS = 30000;
// A key that is still down must not decide what nobody has seen yet.
const LOOK_MS = 500;

const kind = fw.by("review").dataset.kind;
const mayAssign = fw.by("review").dataset.assign === "true";
const extendButton = fw.by("extend");
const allLabels = Array.from(fw.by("label").options).map((it) => ({ code: it.value, name: it.textContent, unit: it.dataset.unit }));

// The item in the middle, the decision that may be undone, and the next page of the queue.
let open = null;
let last = null;
let after = null;
let painted = 0;

const say = (text) => {
  fw.by("said").textContent = text;
  fw.by("said").hidden = !text;
};
const fail = (error) => fw.by("failed").replaceChildren(fw.problem(error));
const title = (item) => (item.title === null ? fw.say("erased") : item.title || fw.say("no_title"));

// A day by both calendars, and a time of today.
const day = (text, isShort) => {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Taipei" }).format(new Date(Date.parse(text) - 1000)).split("-");
  return isShort ? parts.join("-") : fw.say("both_days", parts.join("-"), Number(parts[0]) - 1911, Number(parts[1]), Number(parts[2]));
};
const time = (text) => new Date(text).toLocaleTimeString("zh-TW", { timeZone: "Asia/Taipei", hour: "2-digit", minute: "2-digit", hour12: false });

const due = (item, isShort = false) => {
  const isLate = item.decision === null && Date.parse(item.deadline) <= Date.now();
  return fw.el("span", { class: isLate ? "late" : null }, fw.say(isLate ? "overdue" : "due", day(item.deadline, isShort)));
};

// Calls a route of an item with the version that was seen.
const act = async (item, what, body) => {
  const headers = { "if-match": `"${item.version}"` };
  if (body) headers["content-type"] = "application/json";
  const response = await fw.call(`${REVIEWS}/${item.review_id}/${what}`, { method: "POST", headers, body: body ? JSON.stringify(body) : undefined });
  return fw.answer(response);
};

// ---- The queue.

const query = () => {
  const asked = new URLSearchParams({ kind, sort: fw.by("sort").value, limit: String(PAGE) });
  const state = fw.by("state").value;
  if (state === "own") asked.set("own", "true");
  else if (state) asked.set("state", state);
  const unit = fw.by("unit").value.trim();
  if (unit) asked.set("unit", unit);
  return asked;
};

const tags = (item) => {
  const made = [];
  if (item.confidential) made.push(fw.el("span", { class: "tag bad" }, fw.say("confidential")));
  if (item.reason !== "requires_human") made.push(fw.el("span", { class: "tag" }, fw.say(`reason_${item.reason}`)));
  if (item.lease) made.push(fw.el("span", { class: "tag warn" }, fw.say(item.lease.own ? "held_own" : "held_other")));
  if (item.decision) made.push(fw.el("span", { class: "tag good" }, fw.say(item.decision.decision)));
  return made;
};

const row = (item) => {
  const button = fw.el("button", { type: "button", "data-id": item.review_id },
    fw.el("span", { class: "line" }, title(item)),
    fw.el("span", { class: "under" }, due(item, true), ` · ${fw.say("confidence")} ${fw.sure(item.confidence)} `, tags(item)));
  button.addEventListener("click", () => show(item));
  return fw.el("li", {}, button);
};

const load = async (isMore) => {
  const asked = query();
  if (isMore && after) asked.set("after", after);
  const page = await fw.answer(await fw.call(`${REVIEWS}?${asked}`));
  const rows = page.items.map(row);
  if (isMore) fw.by("queue").append(...rows);
  else fw.by("queue").replaceChildren(...(rows.length ? rows : [fw.el("li", { class: "empty" }, fw.say("empty"))]));
  after = page.next;
  fw.by("more").hidden = !after;
  const own = page.waiting.find((it) => it.kind === kind) || { open: 0, claimed: 0, escalated: 0, overdue: 0 };
  fw.by("count").textContent = fw.say("waiting", own.open + own.claimed + own.escalated, own.overdue);
  mark();
  return page.items;
};

const mark = () => {
  for (const button of fw.by("queue").querySelectorAll("button")) {
    if (open && button.dataset.id === open.review_id) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
};

// ---- The text in the middle.

const pieces = (runs) => runs.map((run) => {
  if (run.mark === "evidence") return fw.el("mark", {}, run.text);
  if (run.mark === "flag") return fw.el("mark", { class: "flag" }, run.text);
  if (run.mark === "pii") return fw.el("span", { class: "pii", title: fw.say("masked") }, run.text);
  return run.text;
});

// As many pieces as the page can bear; whether some were left out.
const cut = (runs, most) => {
  const kept = [];
  for (const run of runs) {
    if (most <= 0) return [kept, true, 0];
    const points = Array.from(run.text);
    kept.push({ ...run, text: points.slice(0, most).join("") });
    if (most < points.length) return [kept, true, 0];
    most -= points.length;
  }
  return [kept, false, most];
};

const evidence = (content) => {
  const words = [content.subject, ...content.body].flat().filter((it) => it.mark === "evidence").map((it) => `「${it.text}」`);
  const named = [...new Set(words)].slice(0, 8).join("、");
  return fw.el("p", { class: "hint" }, named ? fw.say("evidence", named) : fw.say("evidence_none"));
};

const paragraphs = (content) => {
  const made = [];
  let left = SHOWN;
  for (const paragraph of content.body) {
    const [kept, isCut, rest] = cut(paragraph, left);
    made.push(fw.el("div", { class: "text", tabindex: "0", role: "group", "aria-label": fw.by("item-title").textContent }, pieces(kept)));
    if (isCut) return [...made, fw.el("p", { class: "notice" }, fw.say("long", SHOWN))];
    left = rest;
  }
  return made;
};

const hints = (item) => {
  const content = item.content;
  const made = content.flags.map((flag) => fw.el("span", { class: flag === "sensitive" ? "tag bad" : "tag warn" }, fw.say(`flag_${flag}`)));
  const lines = [fw.el("p", { class: "row" }, made.length ? made : null)];
  if (content.abstained) lines.push(fw.el("p", { class: "notice" }, fw.say("abstained")));
  if (content.ministry) lines.push(fw.el("p", { class: "notice" }, fw.say("foreign", content.ministry)));
  if (content.repeated) lines.push(earlier(item));
  return lines;
};

// Earlier letters that say nearly the same, and what became of them.
const earlier = (item) => {
  const links = item.earlier.map((it) => {
    const what = it.decision ? `${fw.say(it.decision.decision)} ${it.decision.label || ""}` : fw.say("earlier_open");
    const button = fw.el("button", { type: "button", class: "link" }, `${title(it)} (${what.trim()})`);
    button.addEventListener("click", () => look(it.review_id));
    return fw.el("li", {}, button);
  });
  return fw.el("div", { class: "notice" }, fw.say("repeated", fw.percent(item.content.repeated_similarity)),
    links.length ? fw.el("ul", {}, links) : fw.el("p", { class: "hint" }, fw.say("earlier_none")));
};

const numbers = (content) => {
  const rows = [["external", content.external_id], ["case_no", content.case_no], ["model", content.model]].filter((it) => it[1]);
  return fw.el("dl", { class: "facts" }, rows.flatMap(([name, value]) => [fw.el("dt", {}, fw.say(name)), fw.el("dd", { class: "mono" }, value)]));
};

// ---- Suggestions on the right.

// What can be chosen: the first is what is accepted, the others are corrections.
const choices = (content) => {
  const labels = content.labels.map((it) => ({ label: it.code, name: it.name, unit: it.unit, score: it.score }));
  if (kind !== "document" || !content.units.length) return labels.slice(0, 3);
  const main = content.units[0];
  const first = { label: main.unit, name: main.name, unit: main.unit, score: main.score };
  return [first, ...labels.filter((it) => (it.unit || it.label) !== main.unit)].slice(0, 3);
};

const choice = (it, idx) => fw.el("label", { class: "choice" },
  fw.el("input", { type: "radio", name: "choice", value: String(idx), checked: idx === 0 }),
  fw.el("kbd", {}, String(idx + 1)),
  fw.el("span", {}, fw.el("strong", {}, it.name), fw.el("span", { class: "quiet" }, it.unit || fw.say("no_unit")),
    fw.el("span", { class: "score" }, `${fw.say("confidence")} ${fw.sure(it.score)}`), fw.bar(it.score)));

const dispatch = (content) => {
  const made = [];
  const co = content.units.filter((it) => it.role === "co");
  if (co.length) made.push(fw.el("h3", {}, fw.say("co_units")), fw.el("ul", {}, co.map((it) => fw.el("li", {}, `${it.unit} ${fw.sure(it.score)}`))));
  if (content.officers.length) {
    made.push(fw.el("h3", {}, fw.say("officers")), fw.el("ul", {}, content.officers.map((it) =>
      fw.el("li", {}, fw.say("officer_row", it.officer_id, it.open_cases, it.basis.join("、")), ` ${fw.sure(it.score)}`))));
  }
  if (content.references.length) made.push(fw.el("ul", {}, content.references.map((it) => fw.el("li", {}, fw.named(fw.say(it.kind), it.ref)))));
  return made;
};

const decided = (decision) => {
  const what = [fw.say(decision.decision), decision.label, decision.unit].filter(Boolean).join(" ");
  return fw.el("p", { class: "notice" }, fw.say("decided", what));
};

// ---- The lease: a warning two minutes before its end.

let warned = null;
const lease = () => {
  const place = fw.by("lease");
  const isOwn = open && open.lease && open.lease.own && !open.decision;
  extendButton.hidden = !isOwn;
  if (!isOwn) { warned = null; place.replaceChildren(); return; }
  const left = Date.parse(open.lease.until) - Date.now();
  const word = left <= 0 ? "lease_over" : left <= SOON_MS ? "lease_soon" : "lease";
  const text = fw.say(word, time(open.lease.until));
  const key = `${open.review_id} ${word} ${open.lease.until}`;
  if (warned !== key) {
    warned = key;
    place.replaceChildren(fw.el("p", { class: word === "lease" ? "hint" : "problem", role: word === "lease" ? null : "alert" }, text), extendButton);
  }
};

const extend = async () => {
  if (!open || !open.lease || !open.lease.own) return;
  try {
    const done = await act(open, "extend");
    open = { ...open, version: done.version, lease: done.lease };
    lease();
    say(fw.say("extended", time(done.lease.until)));
  } catch (error) { fail(error); }
};

// ---- One item.

const paint = (item) => {
  open = item;
  painted = Date.now();
  const isOwn = Boolean(item.lease && item.lease.own);
  const content = item.content;
  fw.by("item-title").textContent = title(item);
  fw.by("text").replaceChildren(...(content
    ? [fw.el("p", { class: "hint" }, due(item), " ", tags(item)), ...hints(item), fw.el("div", { class: "text" }, pieces(content.subject)), ...paragraphs(content), evidence(content), numbers(content)]
    : [fw.el("p", { class: "empty" }, fw.say("erased"))]));
  fw.by("choices").replaceChildren(...(content ? choices(content).map(choice) : []));
  const facts = content && kind === "document" ? dispatch(content) : [];
  if (item.decision) facts.unshift(decided(item.decision));
  else if (!isOwn) facts.unshift(taking(item));
  fw.by("facts").replaceChildren(...facts);
  for (const id of ["decide", "correct", "others"]) fw.by(id).hidden = !isOwn;
  const isFinal = item.decision && item.decision.undo_until === null && item.reason !== "second_opinion" && content;
  fw.by("second-place").hidden = !(mayAssign && isFinal);
  lease();
  mark();
};

const taking = (item) => {
  const button = fw.el("button", { type: "button" }, fw.say("take"));
  button.addEventListener("click", () => show(item));
  return fw.el("p", { class: "row" }, fw.say("read_only"), item.lease ? null : button);
};

const clear = () => {
  open = null;
  fw.by("item-title").textContent = fw.say("choose");
  for (const id of ["text", "choices", "facts"]) fw.by(id).replaceChildren();
  for (const id of ["decide", "correct", "others", "second-place"]) fw.by(id).hidden = true;
  lease();
  mark();
};

// Shows an item without taking it.
const look = async (id) => {
  try {
    paint(await fw.answer(await fw.call(`${REVIEWS}/${id}`)));
    fw.by("item-title").focus();
  } catch (error) { fail(error); }
};

// Gives back what is held when another item is taken.
const leave = async () => {
  if (open && open.lease && open.lease.own && !open.decision) {
    try { await act(open, "release"); } catch { /* Its time is over, or it was decided: it is free anyway. */ }
  }
};

// Takes an item and shows it; where that is refused it is shown all the same.
const show = async (item) => {
  fw.by("failed").replaceChildren();
  if (item.decision) return look(item.review_id);
  try {
    if (open && open.review_id !== item.review_id) await leave();
    paint(await fw.answer(await fw.call(`${REVIEWS}/${item.review_id}/claim`, { method: "POST" })));
    fw.by("item-title").focus();
  } catch (error) {
    await look(item.review_id);
    fail(error);
  }
};

const next = async () => {
  fw.by("failed").replaceChildren();
  try {
    await leave();
    const unit = fw.by("unit").value.trim();
    const found = (await fw.answer(await fw.post(`${REVIEWS}/claim-next`, unit ? { kind, unit } : { kind }))).review;
    if (found) paint(found);
    else { clear(); say(fw.say("none_next")); }
    await load(false);
    fw.by("item-title").focus();
  } catch (error) { fail(error); }
};

// Does something with the open item, and goes on to the next one when it is done with.
const finish = async (what, body, text) => {
  if (!open) return;
  fw.by("failed").replaceChildren();
  const item = open;
  try {
    const done = await act(item, what, body);
    open = null;
    last = what === "decision" ? { ...done, until: Date.now() + UNDO_MS } : null;
    fw.by("undo-place").hidden = !last;
    await next();
    const extra = last ? ` ${fw.say("undo_hint")}` : "";
    say(`${text(done)}${extra}`);
  } catch (error) { fail(error); }
};

const judged = (done) => fw.say("decided", [fw.say(done.decision.decision), done.decision.label].filter(Boolean).join(" "));

const noted = (body) => {
  const note = fw.by("note").value;
  return note ? { ...body, note_code: note } : body;
};

const undo = async () => {
  if (!last) return;
  if (last.until < Date.now()) { last = null; fw.by("undo-place").hidden = true; say(fw.say("undo_over")); return; }
  try {
    await leave();
    await act(last, "undo");
    const id = last.review_id;
    last = null;
    fw.by("undo-place").hidden = true;
    await look(id);
    await load(false);
    say(fw.say("undone"));
  } catch (error) { fail(error); }
};

// ---- Another label.

const find = () => {
  const wanted = fw.by("find").value.trim().toLowerCase();
  const fits = allLabels.filter((it) => `${it.code} ${it.name} ${it.unit}`.toLowerCase().includes(wanted));
  const made = fits.map((it) => fw.el("option", { value: it.code }, it.name));
  fw.by("label").replaceChildren(...(made.length ? made : [fw.el("option", { value: "", disabled: true }, fw.say("no_match"))]));
  if (made.length) fw.by("label").selectedIndex = 0;
};

const correct = (code) => {
  if (!code) { say(fw.say("choose_label")); return; }
  const known = allLabels.find((it) => it.code === code);
  const unit = known && known.unit ? { unit: known.unit } : {};
  finish("decision", noted({ action: "correct", label: code, ...unit }), judged);
};

const decide = () => {
  if (!open || !open.content || fw.by("decide").hidden || Date.now() - painted < LOOK_MS) return;
  const chosen = fw.by("decide").querySelector("input[name=choice]:checked");
  const idx = chosen ? Number(chosen.value) : 0;
  if (idx === 0) { finish("decision", noted({ action: "accept" }), judged); return; }
  const it = choices(open.content)[idx];
  finish("decision", noted({ action: "correct", label: it.label, ...(it.unit ? { unit: it.unit } : {}) }), judged);
};

// ---- Keys. They can be switched off, and do nothing while somebody writes or another key is held.

const KEYS = {
  n: () => next(),
  u: () => undo(),
  x: () => extend(),
  e: () => { if (!fw.by("correct").hidden) fw.by("find").focus(); },
};

const writes = (target) => target.closest("input:not([type=radio], [type=checkbox]), select, textarea");
const acts = (target) => target.closest("a, button, summary, input, select, textarea");

document.addEventListener("keydown", (event) => {
  if (!fw.by("keys").checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat || writes(event.target)) return;
  const key = event.key.toLowerCase();
  const place = fw.by("choices").querySelectorAll("input")[Number(key) - 1];
  if (/^[1-3]$/.test(key) && place && !fw.by("decide").hidden) {
    place.checked = true;
    place.focus();
  } else if (key === "enter" && !acts(event.target)) decide();
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else return;
  event.preventDefault();
});

// The choice of a person, not data of one; it ends with the browser.
const OFF = "console_keys=off";
fw.by("keys").checked = !document.cookie.split("; ").includes(OFF);
fw.by("keys").addEventListener("change", () => {
  const age = fw.by("keys").checked ? "; max-age=0" : "";
  document.cookie = `${OFF}; path=/console; samesite=strict${age}`;
});

const on = (id, name, work) => fw.by(id).addEventListener(name, (event) => { event.preventDefault(); work(); });
on("filters", "submit", () => load(false).catch(fail));
on("next", "click", next);
on("more", "click", () => load(true).catch(fail));
on("decide", "submit", decide);
on("correct", "submit", () => correct(fw.by("label").value));
on("undo", "click", undo);
extendButton.addEventListener("click", extend);
on("discard", "click", () => finish("decision", noted({ action: "discard" }), judged));
on("escalate", "click", () => finish("escalate", noted({}), () => fw.say("escalated")));
on("release", "click", () => finish("release", undefined, () => fw.say("released")));
on("second", "click", async () => {
  try {
    await fw.answer(await fw.call(`${REVIEWS}/${open.review_id}/second-opinion`, { method: "POST" }));
    say(fw.say("asked"));
    await load(false);
  } catch (error) { fail(error); }
});
fw.by("find").addEventListener("input", find);
setInterval(lease, 5000);
setInterval(() => {
  if (last && last.until < Date.now()) { last = null; fw.by("undo-place").hidden = true; }
}, 1000);

// What the officer holds already is shown again, after a reload say.
const begin = async () => {
  clear();
  try {
    await load(false);
    const own = await fw.answer(await fw.call(`${REVIEWS}?${new URLSearchParams({ kind, own: "true", limit: "1" })}`));
    const held = own.items.find((it) => it.lease && it.lease.own);
    if (held) await look(held.review_id);
  } catch (error) { fail(error); }
};
begin();
