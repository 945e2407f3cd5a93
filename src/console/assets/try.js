"use strict";

// 試用: sends what a person typed, chose, dropped or said, and shows the answer.

const by = fw.by;
const tabs = [...document.querySelectorAll("[role=tab]")];

function choose(tab, isFocused) {
  for (const other of tabs) {
    const is = other === tab;
    other.setAttribute("aria-selected", String(is));
    other.tabIndex = is ? 0 : -1;
    by(other.getAttribute("aria-controls")).hidden = !is;
  }
  if (isFocused) tab.focus();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const place = { Home: 0, End: tabs.length - 1 }[event.key] ?? (step ? (tabs.indexOf(tab) + step + tabs.length) % tabs.length : null);
    if (place === null) return;
    event.preventDefault();
    choose(tabs[place], true);
  });
}

// Sends the form of a service and shows what comes back.
function serve(id, ask, show) {
  const panel = by(id);
  if (!panel) return;
  const [form, result] = [panel.querySelector("form"), panel.querySelector(".result")];
  const button = form.querySelector(".primary");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    result.replaceChildren(fw.el("p", { class: "quiet" }, fw.say("working")));
    try {
      const answer = await ask((text) => result.replaceChildren(fw.el("p", { class: "quiet" }, text)));
      result.replaceChildren(...[show(answer)].flat(3).filter(Boolean));
      passed(id);
      result.scrollIntoView({ block: "start" });
    } catch (error) {
      result.replaceChildren(fw.problem(error));
    }
    button.disabled = false;
  });
}

const missing = () => Object.assign(new Error("none"), { problem: { title: fw.say("choose_first") } });
const chosen = (id) => {
  const file = by(id).files[0];
  if (!file) throw missing();
  return file;
};

const letter = () => ({ subject: by("letter-subject").value, body: by("letter-body").value });
serve("letter",
  async () => fw.answer(await fw.post("/api/v1/letters/classifications", fw.asked({ letters: [letter()] }))),
  ({ items: [item] }) => results.letter(item, letter()));

serve("document",
  async () => {
    const path = "/api/v1/documents/dispatch-suggestions";
    const file = by("document-file").files[0];
    if (file) return fw.answer(await fw.call(path, { method: "POST", headers: { "content-type": "application/xml" }, body: file }));
    const body = by("document-body").value;
    const document = { priority: by("document-priority").value, subject: by("document-subject").value, body: body ? [body] : [] };
    return fw.answer(await fw.post(path, fw.asked({ document })));
  },
  (answer) => results.document(answer, by("document-file").files[0]
    ? null : { subject: by("document-subject").value, body: by("document-body").value }));

serve("question",
  async () => fw.answer(await fw.post("/api/v1/qa/answers", fw.asked({ question: by("question-text").value }))),
  results.question);

let picture = null;
serve("card",
  async () => {
    const file = chosen("card-file");
    const form = new FormData();
    form.append("meta", new Blob([JSON.stringify(fw.asked({ options: { boxes: true } }))], { type: "application/json" }));
    form.append("image", file);
    const answer = await fw.answer(await fw.call("/api/v1/identity-documents/recognitions", { method: "POST", body: form }));
    if (picture) URL.revokeObjectURL(picture);
    picture = URL.createObjectURL(file);
    return answer;
  },
  (answer) => results.card(answer, picture));

serve("speech",
  async (tell) => {
    const form = new FormData();
    form.append("meta", new Blob([JSON.stringify(fw.asked({}))], { type: "application/json" }));
    form.append("file", chosen("speech-file"));
    const { job_id: id } = await fw.answer(await fw.call("/api/v1/speech/transcriptions", { method: "POST", body: form }));
    return heard(id, tell);
  },
  ({ id, transcript }) => [results.transcript(transcript),
    fw.el("p", {}, fw.el("a", { href: `/console/recordings/${id}` }, fw.say("open_recording")))]);

// Asks how far a transcription is until it has ended.
async function heard(id, tell) {
  for (;;) {
    const job = await fw.answer(await fw.call(`/api/v1/jobs/${id}`));
    if (job.state === "succeeded") {
      const found = await fw.answer(await fw.call(`/api/v1/speech/transcriptions/${id}`));
      return { id, transcript: found.transcript };
    }
    if (!["queued", "running"].includes(job.state)) {
      const why = job.error ? job.error.title || job.error.code : job.state;
      throw Object.assign(new Error("job"), { problem: { title: fw.say("failed", why) } });
    }
    tell(job.progress ? fw.say("heard", fw.percent(job.progress)) : fw.say("queued"));
    await fw.wait(1000);
  }
}

// Puts a file into the form of a service, as if it had been chosen there.
function put(id, file) {
  const files = new DataTransfer();
  files.items.add(file);
  by(id).files = files.files;
}

async function example(id, button) {
  for (const field of by(id).querySelectorAll("[data-example]")) field.value = field.dataset.example;
  const sample = button && button.dataset.sample;
  if (!sample) return;
  const response = await fetch(sample);
  const name = sample.split("/").pop();
  put(`${id}-file`, new File([await response.blob()], name, { type: response.headers.get("content-type") }));
}

for (const button of document.querySelectorAll("[data-example-of]")) {
  button.addEventListener("click", () => example(button.dataset.exampleOf, button));
}

// The tour: each step opens a service, loads its example and sends it.
for (const button of document.querySelectorAll("[data-tour]")) {
  button.addEventListener("click", async () => {
    const id = button.dataset.tour;
    choose(by(`tab-${id}`), true);
    await example(id, by(id).querySelector("[data-example-of]"));
    by(id).querySelector("form").requestSubmit();
  });
}

function passed(id) {
  const button = document.querySelector(`[data-tour=${id}]`);
  if (!button || button.parentElement.querySelector(".tag")) return;
  button.after(" ", fw.el("span", { class: "tag good" }, fw.say("step_done")));
}

// Which service a file is for, by its name.
const KINDS = { txt: "letter", di: "document", sw: "document", xml: "document" };
for (const it of ["wav", "mp3", "ogg", "opus", "m4a", "aac", "flac", "webm"]) KINDS[it] = "speech";
for (const it of ["jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp"]) KINDS[it] = "card";

async function take(file) {
  const kind = KINDS[file.name.split(".").pop().toLowerCase()];
  if (!kind || !by(kind)) {
    by("drop-problem").replaceChildren(fw.problem({ problem: { title: fw.say("wrong_file") } }));
    return;
  }
  by("drop-problem").replaceChildren();
  choose(by(`tab-${kind}`), true);
  if (kind === "letter") {
    const [first, ...rest] = (await file.text()).split(/\r?\n/);
    by("letter-subject").value = first.slice(0, 1000);
    by("letter-body").value = rest.join("\n").trim() || first;
  } else {
    put(`${kind}-file`, file);
  }
  by(kind).querySelector("form").requestSubmit();
}

by("any-file").addEventListener("change", (event) => { if (event.target.files[0]) take(event.target.files[0]); });
addEventListener("dragover", (event) => { event.preventDefault(); by("drop").classList.add("over"); });
addEventListener("dragleave", () => by("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  by("drop").classList.remove("over");
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});

// The microphone: one press begins, the next one ends.
let recorder = null;
const microphone = by("microphone");
if (microphone) microphone.addEventListener("click", async () => {
  const state = by("microphone-state");
  if (recorder) {
    recorder.stop();
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    const begun = performance.now();
    recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      stream.getTracks().forEach((it) => it.stop());
      put("speech-file", new File(pieces, "microphone.webm", { type: "audio/webm" }));
      recorder = null;
      microphone.textContent = fw.say("microphone");
      state.textContent = fw.say("recorded", fw.clock((performance.now() - begun) / 1000));
    });
    recorder.start();
    microphone.textContent = fw.say("recording");
  } catch {
    state.textContent = fw.say("no_microphone");
  }
});
