"use strict";

// 證件複核: fields beside the picture; what identifies a person is masked until it is asked for.

const by = fw.by;
let answer = null;
let source = null;
let shown = false;
// By field: "accepted" or "corrected", and what the officer typed. The latter never leaves the page.
let decided = new Map();
let typed = new Map();

const PERSONAL = ["mrz", "name", "name_zh", "name_en", "id_number", "card_number", "residence_no", "passport_no", "address", "father", "mother", "spouse", "birth_date", "control_number"];

// The first and the last character stay, so that an officer sees which one it is.
const mask = (text) => {
  const points = Array.from(text);
  return points.map((it, place) => (place === 0 || (place === points.length - 1 && points.length > 3) ? it : "●")).join("");
};

const value = (field) => {
  const text = typed.get(field.name) ?? field.value ?? field.raw;
  return shown || !PERSONAL.includes(field.name) ? text : mask(text);
};

function show() {
  const place = by("result");
  place.replaceChildren(...[results.card(answer, source, value, { name: "compared", cell: compared })].flat(3).filter(Boolean));
  watermark(place.querySelector(".picture svg"));
  by("tools").classList.remove("hidden");
  by("compare").classList.remove("hidden");
  const found = answer.documents ? answer.documents[0] : answer;
  const boxed = found.fields.filter((it) => it.box);
  [...place.querySelectorAll("tbody tr")].filter((it) => it.querySelector("th button")).forEach((row, at) => {
    row.addEventListener("focusin", () => enlarge(boxed[at].box));
    row.addEventListener("mouseenter", () => enlarge(boxed[at].box));
  });
}

const fieldsRead = () => (answer.documents ? answer.documents[0] : answer).fields;

// Whether a field was read right: two buttons, and where it was not a place for what it says.
function compared(field) {
  const title = fw.words[`field_${field.name}`] || field.name;
  const button = (decision, text, label) => {
    const made = fw.el("button", { type: "button", "aria-pressed": String(decided.get(field.name) === decision), "aria-label": label,
      "data-field": field.name, "data-decision": decision }, text);
    made.addEventListener("click", () => decide(field, decision));
    return made;
  };
  return fw.el("span", { class: "checking" }, button("accepted", fw.say("is_right"), fw.say("is_right_of", title)),
    button("corrected", fw.say("is_wrong"), fw.say("is_wrong_of", title)),
    decided.get(field.name) === "corrected" && isOpen(field) ? box(field, title) : null);
}

const isOpen = (field) => shown || !PERSONAL.includes(field.name);

function box(field, title) {
  const id = `right-${field.name}`;
  const input = fw.el("input", { id, class: "short", maxlength: "256", autocomplete: "off", value: typed.get(field.name) ?? field.value ?? field.raw ?? "" });
  input.addEventListener("change", () => typed.set(field.name, input.value));
  return [fw.el("label", { for: id, class: "sr" }, fw.say("right_value", title)), input];
}

function decide(field, decision) {
  if (decision === "corrected" && !isOpen(field)) {
    by("compare-said").replaceChildren(fw.el("p", { class: "problem" }, fw.say("reveal_first")));
    return;
  }
  decided.set(field.name, decision);
  if (decision === "accepted") typed.delete(field.name);
  show();
  const next = decision === "corrected" ? by(`right-${field.name}`) : null;
  (next || document.querySelector(`[data-field="${field.name}"][data-decision="${decision}"]`)).focus();
  left();
}

// How many fields are still to be compared.
function left() {
  const n = fieldsRead().filter((it) => !decided.has(it.name)).length;
  by("compare-said").replaceChildren(fw.el("p", { class: "quiet" }, n ? fw.say("compared_left", n) : fw.say("compared_all")));
  return n;
}

by("all-right").addEventListener("click", () => {
  for (const field of fieldsRead()) if (!decided.has(field.name)) decided.set(field.name, "accepted");
  show();
  left();
});

by("complete").addEventListener("click", async () => {
  if (left()) return;
  const fields = [...new Map(fieldsRead().map((it) => [it.name, it])).values()];
  const kind = (answer.documents ? answer.documents[0] : answer).document.type;
  const button = by("complete");
  button.disabled = true;
  try {
    const body = { document_type: kind, fields: fields.map((it) => ({ name: it.name, decision: decided.get(it.name), confidence: it.confidence })) };
    await fw.answer(await fw.post(`/api/v1/identity-documents/recognitions/${answer.recognition_id}/feedback`, body));
    const n = fields.filter((it) => decided.get(it.name) === "accepted").length;
    by("compare-said").replaceChildren(fw.el("p", { class: "notice" }, fw.say("compared_noted", n, fields.length - n)));
  } catch (error) {
    by("compare-said").replaceChildren(fw.problem(error));
  }
  button.disabled = false;
});

// Who looked, and when, over the whole picture.
function watermark(overlay) {
  if (!overlay) return;
  const [, , width, height] = overlay.getAttribute("viewBox").split(" ").map(Number);
  const text = `${by("result").dataset.who} ${new Date().toLocaleString("zh-TW", { timeZone: "Asia/Taipei", hour12: false })}`;
  for (let row = 1; row <= 4; row += 1) {
    overlay.append(fw.svg("text", { class: "watermark", x: width * 0.06, y: (height * row) / 4.5, "font-size": height / 22 }, text));
  }
}

// The part of the picture around a box, enlarged.
function enlarge(box) {
  const image = by("result").querySelector("img");
  if (!image || !image.complete || shown === null) return;
  const [xs, ys] = [box.map((it) => it[0]), box.map((it) => it[1])];
  const pad = 8;
  const [left, top] = [Math.max(0, Math.min(...xs) - pad), Math.max(0, Math.min(...ys) - pad)];
  const [width, height] = [Math.max(...xs) + pad - left, Math.max(...ys) + pad - top];
  const canvas = by("zoom").querySelector("canvas");
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, left, top, width, height, 0, 0, width * scale, height * scale);
  by("zoom").classList.remove("hidden");
}

by("card-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const result = by("result");
  const file = by("card-file").files[0];
  if (!file) {
    result.replaceChildren(fw.problem({ problem: { title: fw.say("choose_first") } }));
    return;
  }
  result.replaceChildren(fw.el("p", { class: "quiet" }, fw.say("working")));
  const form = new FormData();
  form.append("meta", new Blob([JSON.stringify(fw.asked({ options: { boxes: true } }))], { type: "application/json" }));
  form.append("image", file);
  try {
    answer = await fw.answer(await fw.call("/api/v1/identity-documents/recognitions", { method: "POST", body: form }));
    if (source) URL.revokeObjectURL(source);
    source = URL.createObjectURL(file);
    [decided, typed] = [new Map(), new Map()];
    by("compare-said").replaceChildren();
    reveal(false);
  } catch (error) {
    result.replaceChildren(fw.problem(error));
  }
});

function reveal(is) {
  shown = is;
  const button = by("reveal");
  button.setAttribute("aria-pressed", String(is));
  button.textContent = is ? button.dataset.mask : button.dataset.reveal;
  show();
}
// Shown only when it is on record who looks.
by("reveal").addEventListener("click", async () => {
  const button = by("reveal");
  const asked = answer;
  button.disabled = true;
  try {
    if (!shown) await fw.answer(await fw.call(`/api/v1/identity-documents/recognitions/${asked.recognition_id}/reveal`, { method: "POST" }));
    // Another picture may have come meanwhile.
    if (asked === answer) reveal(!shown);
    by("compare-said").replaceChildren();
  } catch (error) {
    by("compare-said").replaceChildren(fw.problem(error));
  }
  button.disabled = false;
  button.focus();
});

by("example").addEventListener("click", async () => {
  const response = await fetch("/console/samples/card.jpg");
  const files = new DataTransfer();
  files.items.add(new File([await response.blob()], "card.jpg", { type: "image/jpeg" }));
  by("card-file").files = files.files;
});
