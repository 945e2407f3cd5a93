"use strict";

// 1996 錄音: the transcript follows the sound, and the sound follows the transcript.

const by = fw.by;
const place = by("transcript");
const path = `/api/v1/speech/transcriptions/${place.dataset.id}`;
const audio = by("audio");

// Utterances by their beginnings, and what is shown of each.
let rows = [];
// Which text is shown, and how often it was corrected when it was read.
let rendition = "redacted";
let version = 0;

// Milliseconds of making utterances at one time, so that the page stays awake also where it runs slowly; a few are always made.
const AWAKE_MS = 8;
const AT_LEAST = 5;

// Utterances of a list: the page lays them out together.
const TOGETHER = 8;

// Utterances before the newest one that may still go on: the other channel's.
const OVERLAPPING = 8;

const announce = (text) => by("said").replaceChildren(fw.el("p", { class: "notice" }, text));

// The text of an utterance: words that the model was unsure of are underlined, the others are one piece.
function spoken(it) {
  if (it.language === "und") return [fw.say("und")];
  if (!it.words.length) return [it.text || fw.say("emptied")];
  const pieces = [];
  for (const word of it.words) {
    if (word.confidence < 0.5) pieces.push(fw.el("u", { class: "doubt" }, word.text));
    else if (typeof pieces.at(-1) === "string") pieces[pieces.length - 1] += word.text;
    else pieces.push(word.text);
  }
  return pieces;
}

function fill(row, it) {
  row.it = it;
  row.button.replaceChildren(fw.el("span", { class: "when" }, fw.clock(it.start)), fw.el("span", { class: "speaker" }, it.speaker),
    fw.el("span", { class: "words" }, spoken(it)));
  if (row.note) row.note.remove();
  row.note = fw.correction ? fw.correction.note(it) : null;
  if (row.note) row.item.append(row.note);
}

function utterance(it) {
  const button = fw.el("button", { type: "button", class: "utterance" });
  const row = { button, item: fw.el("li", { class: `lane-${it.channel}`, "data-at": it.id }, button), note: null };
  fill(row, it);
  return row;
}

async function load() {
  place.replaceChildren(fw.el("p", { class: "quiet" }, fw.say("working")));
  try {
    const found = await fw.answer(await fw.call(rendition === "original" ? `${path}?rendition=original` : path));
    const transcript = found.transcript;
    version = found.version;
    rows = [];
    const notices = (transcript ? transcript.notices : []).map((it) => fw.el("p", { class: "notice" }, fw.say(`recording_${it.code}`)));
    if (!transcript || !transcript.segments.length) {
      place.replaceChildren(...notices, fw.el("p", { class: "empty" }, fw.say("nothing_said")));
      return;
    }
    const facts = [["duration", fw.clock(transcript.duration)], ["doubtful", fw.percent(transcript.low_confidence_ratio)],
      ["model", `${transcript.model.name} ${transcript.model.version}`]];
    const list = fw.el("div");
    place.replaceChildren(...[
      found.state === "succeeded" ? null : fw.el("p", { class: "notice" }, fw.say("unfinished")),
      ...notices,
      fw.el("dl", { class: "facts" }, facts.map(([key, text]) => [fw.el("dt", {}, fw.say(key)), fw.el("dd", {}, text)]).flat()),
      list, fw.el("p", { class: "hint" }, transcript.disclosure),
    ].filter(Boolean));
    await fillList(list, transcript.segments);
  } catch (error) {
    place.replaceChildren(fw.problem(error));
  }
}

// In pieces: a long recording has thousands of utterances.
async function fillList(list, segments) {
  const made = rows;
  while (made.length < segments.length) {
    const [first, until] = [made.length, performance.now() + AWAKE_MS];
    while (made.length < segments.length && (made.length < first + AT_LEAST || performance.now() < until)) {
      made.push(utterance(segments[made.length]));
    }
    for (const row of made.slice(first)) {
      if (row.it.id % TOGETHER === 0) list.append(fw.el("ol", { class: "transcript spoken" }));
      list.lastElementChild.append(row.item);
    }
    await fw.wait(0);
    // Another text was asked for meanwhile.
    if (made !== rows) return;
  }
  place.dataset.loaded = String(made.length);
}

const rowOf = (node) => {
  const item = node.closest ? node.closest("li[data-at]") : null;
  return item ? rows[Number(item.dataset.at)] : null;
};

// One listener for all utterances.
place.addEventListener("click", (event) => {
  const button = event.target.closest(".utterance");
  if (button) seek(rowOf(button).it.start);
});
place.addEventListener("keydown", (event) => {
  if (!event.target.matches(".utterance") || event.ctrlKey || event.altKey || event.metaKey) return;
  const at = rows.indexOf(rowOf(event.target));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (next === undefined || !rows[next]) return;
  event.preventDefault();
  rows[next].button.focus();
});

// What is saved is what is shown.
function nameExports() {
  for (const link of document.querySelectorAll("[data-format]")) {
    link.href = `${path}?format=${link.dataset.format}${rendition === "original" ? "&rendition=original" : ""}`;
  }
}

const original = by("original");
if (original) original.addEventListener("click", () => {
  const is = original.getAttribute("aria-pressed") !== "true";
  original.setAttribute("aria-pressed", String(is));
  original.textContent = fw.say(is ? "redacted" : "original");
  rendition = is ? "original" : "redacted";
  nameExports();
  load();
});

function seek(seconds) {
  if (!audio || !audio.src) return;
  audio.currentTime = seconds;
  audio.play();
}

// Place of the last utterance that has begun.
function begun(now) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].it.start <= now) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

let current = [];
function follow() {
  const now = audio.currentTime;
  const last = begun(now);
  const fresh = rows.slice(Math.max(0, last - OVERLAPPING), last + 1).filter((row) => now < row.it.end);
  for (const row of current) if (!fresh.includes(row)) row.button.removeAttribute("aria-current");
  for (const row of fresh) {
    if (current.includes(row)) continue;
    row.button.setAttribute("aria-current", "true");
    // Whoever is writing is not taken elsewhere.
    if (!place.querySelector("form")) row.button.scrollIntoView({ block: "nearest" });
  }
  current = fresh;
  if (fw.waveform.follow) fw.waveform.follow(now);
}

const loader = by("load-audio");
if (loader) loader.addEventListener("click", async () => {
  const said = by("player-said");
  loader.disabled = true;
  said.replaceChildren(fw.el("p", { class: "quiet" }, fw.say("working")));
  try {
    const response = await fw.call(`${path}/audio`);
    if (!response.ok) await fw.answer(response);
    const bytes = await response.blob();
    audio.src = URL.createObjectURL(bytes);
    by("controls").classList.remove("hidden");
    loader.classList.add("hidden");
    audio.addEventListener("timeupdate", follow);
    by("speed").addEventListener("change", () => { audio.playbackRate = Number(by("speed").value); });
    said.replaceChildren();
    await peaks(bytes);
  } catch (error) {
    loader.disabled = false;
    const gone = error.problem && error.problem.code === "ER0100";
    said.replaceChildren(gone ? fw.el("p", { class: "quiet" }, fw.say("audio_gone")) : fw.problem(error));
  }
});

const canvas = by("waveform");
// Seconds of the recording, when they are known.
let length = 0;
async function peaks(bytes) {
  // Whatever cannot be played says so instead.
  if (audio.readyState < HTMLMediaElement.HAVE_METADATA && !audio.error) {
    await Promise.race(["loadedmetadata", "error"].map((name) => new Promise((resolve) => audio.addEventListener(name, resolve, { once: true }))));
  }
  const found = await fw.waveform.read(bytes, audio.duration);
  if (!found) {
    by("player-said").replaceChildren(fw.el("p", { class: "hint" }, fw.say("too_long")));
    return;
  }
  length = found.seconds;
  canvas.classList.remove("hidden");
  by("waveform-hint").classList.remove("hidden");
  canvas.dataset.read = String(found.slices);
  fw.waveform.show(canvas, found);
}
if (canvas) canvas.addEventListener("click", (event) => seek((event.offsetX / canvas.clientWidth) * length));

load();
