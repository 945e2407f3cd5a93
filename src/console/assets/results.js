"use strict";

// How answers of the services are shown, wherever they are.

const results = {};

const say = fw.say;
const el = fw.el;
const heading = (key) => el("h2", {}, say(key));

// One suggestion: its rank, what it is, how sure it is, and what may be done with it.
results.suggestion = (rank, name, detail, score, action) =>
  el("li", {}, el("span", { class: "rank" }, String(rank)), el("span", {}, el("strong", {}, name), detail ? ` ${detail}` : ""),
    el("span", {}, el("span", { class: "sr" }, `${say("confidence")} `), fw.sure(score)), fw.bar(score), action || null);

// How sure the answer is as a whole, who made it, and that a person decides.
results.summary = (answer) => [
  answer.mode === "shadow" ? el("p", { class: "problem" }, say("shadow")) : el("p", { class: answer.abstained ? "problem" : "notice" }, answer.abstained ? say("abstained") : say("sure_enough")),
  el("p", { class: "hint" }, `${say("made_by", answer.model.name, answer.model.version)} · ${answer.disclosure}`),
];

// Buttons that tell the service what the officer decided.
results.feedback = (predictionId, label, isFirst) => {
  const button = el("button", { type: "button" }, say(isFirst ? "accept" : "correct"));
  button.addEventListener("click", async () => {
    const list = button.closest("ol");
    for (const other of list.querySelectorAll("button")) other.disabled = true;
    try {
      const decision = isFirst ? { decision: "accepted" } : { decision: "corrected", label };
      await fw.answer(await fw.post(`/api/v1/predictions/${predictionId}/feedback`, decision));
      list.after(el("p", { class: "notice", role: "status" }, say("noted")));
    } catch (error) {
      list.after(fw.problem(error));
    }
  });
  return button;
};

const flags = (found) => {
  const names = ["confidential_report", "no_substance", "urgent", "sensitive", "instruction_like"];
  const rows = names.filter((it) => Number(found[it]) > 0.5).map((it) => el("li", {}, say(`flag_${it}`)));
  if (found.repeated) rows.push(el("li", {}, say("repeated", fw.percent(found.repeated_similarity))));
  if (found.not_our_remit > 0.5 && found.ministry) {
    rows.push(el("li", {}, say("foreign", found.ministry.name, fw.percent(found.not_our_remit))));
  }
  return rows.length ? el("ul", {}, rows) : el("p", { class: "quiet" }, say("no_hints"));
};

// A text with its evidence marked and its personal data underlined.
results.text = (text, evidence, pii) => el("p", { class: "text" }, fw.marked(text, [
  ...evidence.map((it) => ({ ...it, make: (piece) => el("mark", { title: say("evidence_at", it.weight) }, piece) })),
  ...pii.map((it) => ({ ...it, make: (piece) => el("span", { class: "pii", title: say("pii_at", it.kind) }, piece) })),
]));

results.letter = (item, text) => {
  const rows = item.labels.map((it, place) =>
    results.suggestion(place + 1, it.name, it.unit, it.score, results.feedback(item.prediction_id, it.code, place === 0)));
  const of = (list, field) => list.filter((it) => it.field === field);
  return [
    heading("suggestions"), results.summary(item), el("ol", { class: "suggestions" }, rows),
    heading("hints"), flags(item.flags),
    heading("evidence"), el("p", { class: "hint" }, say(item.evidence.length ? "evidence_key" : "evidence_none")),
    ["subject", "body"].filter((it) => text[it]).map((it) => results.text(text[it], of(item.evidence, it), of(item.pii, it))),
  ];
};

results.document = (answer, text) => {
  const rows = answer.units.map((it, place) => results.suggestion(place + 1, it.name, `${say(`role_${it.role}`)} · ${it.unit}`, it.score));
  const reasons = answer.reasons.map((it) => {
    const piece = it.ref || (text && it.start !== undefined && it.start !== null
      ? Array.from(text[it.field] || "").slice(it.start, it.end).join("") : "");
    return el("li", {}, say(`reason_${it.kind}`), piece ? [":", el("mark", {}, piece)] : null);
  });
  const { date, rule, working_days: days } = answer.deadline;
  const foreign = answer.out_of_remit && answer.ministry
    ? el("p", { class: "problem" }, say("foreign", answer.ministry.name, fw.percent(answer.ministry.score))) : null;
  return [
    heading("suggestions"), results.summary(answer), foreign, el("ol", { class: "suggestions" }, rows),
    heading("reasons"), reasons.length ? el("ul", {}, reasons) : el("p", { class: "quiet" }, say("evidence_none")),
    heading("deadline"), el("p", {}, days ? say("working_days", date, rule, days) : `${date} (${rule})`),
  ];
};

const citation = (it) => el("li", {}, el("strong", {}, it.title || it.source_id), ` ${it.unit || ""}`,
  el("blockquote", {}, it.quote), it.link ? el("a", { href: /^https?:/.test(it.link) ? it.link : null, rel: "noreferrer" }, it.link) : null);

results.question = (answer) => [
  heading("result"),
  el("p", { class: answer.answer ? "notice" : "problem" }, answer.answer || say("no_answer")),
  answer.by_words_only ? el("p", { class: "hint" }, say("by_words")) : null,
  el("p", { class: "hint" }, `${say("made_by", answer.model.name, answer.model.version)} · ${answer.disclosure}`),
  answer.citations.length ? [heading("cited"), el("ul", { class: "cited" }, answer.citations.map(citation))] : null,
  answer.alternatives.length ? [heading("alternatives"), el("ul", { class: "cited" }, answer.alternatives.map(citation))] : null,
];

// What was said, with times; words that should be heard again are underlined.
results.transcript = (found) => {
  if (!found || !found.segments.length) return [el("p", { class: "empty" }, say("nothing_said"))];
  const rows = found.segments.map((it) => el("li", { class: `lane-${it.channel}` },
    el("span", { class: "when" }, fw.clock(it.start)), el("span", { class: "speaker" }, it.speaker),
    el("span", {}, it.words.map((word) => (word.confidence < 0.5 ? el("u", { class: "doubt" }, word.text) : word.text)))));
  return [
    heading("transcript"), el("p", { class: "hint" }, `${say("masked")} ${say("doubtful")}`), el("ol", { class: "transcript" }, rows),
    el("p", { class: "hint" }, `${say("made_by", found.model.name, found.model.version)} · ${found.disclosure}`),
  ];
};

const named = (kind, name) => fw.words[`${kind}_${name}`] || name;

// The fields of an ID image beside the picture; a field and its box light up together.
// `masked` gives the text of a field to show; `extra` names another column and makes its cells.
results.card = (answer, source, masked, extra) => {
  const found = answer.documents ? answer.documents[0] : answer;
  const { width, height } = found.document.image;
  const overlay = fw.svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const rows = found.fields.map((field) => results.field(field, overlay, masked, extra));
  const head = ["field", "value", "trust", "confidence", "checks", ...(extra ? [extra.name] : [])].map((it) => el("th", { scope: "col", class: it === "confidence" ? "number" : null }, say(it)));
  const retake = found.quality.retake
    ? el("p", { class: "problem" }, say("retake", found.quality.reasons.map((it) => it.text).join("、"))) : null;
  const zone = found.mrz ? [heading("zone"), el("pre", {}, found.mrz.lines.map((raw) => (masked ? masked({ name: "mrz", raw }) : raw)).join("\n"))] : null;
  return [
    el("h2", {}, `${fw.named(say("kind"), named("type", found.document.type))} · ${fw.sure(found.document.type_score)}`), retake,
    el("div", { class: "card-view" },
      source ? el("div", { class: "picture" }, el("img", { alt: say("picture"), src: source }), overlay) : null,
      el("div", {}, el("table", { class: "cards" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)))),
    zone, el("p", { class: "hint" }, `${say("made_by", answer.model.name, answer.model.version)} · ${answer.disclosure}`),
  ];
};

results.field = (field, overlay, masked, extra) => {
  const title = named("field", field.name);
  const checks = field.checks.map((it) => say(it.ok ? "passed" : "not_passed", named("check", it.name))).join("、") || say("no_checks");
  const value = masked ? masked(field) : field.value ?? field.raw;
  // A day is not broken in two; F and M are words.
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value);
  const shown = isDay ? el("span", { class: "whole" }, value) : (field.name === "sex" && fw.words[`sex_${String(value).toLowerCase()}`]) || value;
  const cells = [["value", shown], ["trust", named("status", field.status)], ["confidence", fw.percent(field.confidence)], ["checks", checks]];
  const name = field.box ? el("button", { type: "button", class: "link" }, title) : title;
  const row = el("tr", {}, el("th", { scope: "row" }, name), cells.map(([key, it]) => el("td", { "data-label": say(key), class: key === "confidence" ? "number" : null }, it)),
    extra ? el("td", { "data-label": say(extra.name) }, extra.cell(field)) : null);
  if (!field.box) return row;
  const polygon = fw.svg("polygon", { points: field.box.map((it) => it.join(",")).join(" ") }, fw.svg("title", {}, say("box_of", title)));
  overlay.append(polygon);
  const current = (is) => () => [row, polygon].forEach((it) => it.classList.toggle("current", is));
  for (const [enter, leave] of [["mouseenter", "mouseleave"], ["focusin", "focusout"]]) {
    row.addEventListener(enter, current(true));
    row.addEventListener(leave, current(false));
  }
  polygon.addEventListener("click", () => name.focus());
  return row;
};
