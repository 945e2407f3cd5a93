"use strict";

// 證件複核: fields beside the picture; what identifies a person is masked until it is asked for.

const by = fw.by;
let answer = null;
let source = null;
let shown = false;

const PERSONAL = ["name", "name_zh", "name_en", "id_number", "card_number", "residence_no", "passport_no", "address", "father", "mother", "spouse", "birth_date", "control_number"];

// The first and the last character stay, so that an officer sees which one it is.
const mask = (text) => {
  const points = Array.from(text);
  return points.map((it, place) => (place === 0 || (place === points.length - 1 && points.length > 3) ? it : "●")).join("");
};

const value = (field) => {
  const text = field.value ?? field.raw;
  return shown || !PERSONAL.includes(field.name) ? text : mask(text);
};

function show() {
  const place = by("result");
  place.replaceChildren(...[results.card(answer, source, value)].flat(3).filter(Boolean));
  watermark(place.querySelector(".picture svg"));
  by("tools").classList.remove("hidden");
  const found = answer.documents ? answer.documents[0] : answer;
  const boxed = found.fields.filter((it) => it.box);
  [...place.querySelectorAll("tbody tr")].filter((it) => it.querySelector("button")).forEach((row, at) => {
    row.addEventListener("focusin", () => enlarge(boxed[at].box));
    row.addEventListener("mouseenter", () => enlarge(boxed[at].box));
  });
}

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
by("reveal").addEventListener("click", () => reveal(!shown));

by("example").addEventListener("click", async () => {
  const response = await fetch("/console/samples/card.jpg");
  const files = new DataTransfer();
  files.items.add(new File([await response.blob()], "card.jpg", { type: "image/jpeg" }));
  by("card-file").files = files.files;
});
