"use strict";

// 1996 錄音: the transcript follows the sound, and the sound follows the transcript.

const by = fw.by;
const place = by("transcript");
const path = `/api/v1/speech/transcriptions/${place.dataset.id}`;
const audio = by("audio");
let rows = [];

// Most seconds of sound that are drawn: more would need more memory than a page should take.
const MOST_DRAWN = 3600;

function utterance(it) {
  const words = it.language === "und" ? [fw.say("und")]
    : it.words.map((word) => (word.confidence < 0.5 ? fw.el("u", { class: "doubt" }, word.text) : word.text));
  const button = fw.el("button", { type: "button", class: "utterance" },
    fw.el("span", { class: "when" }, fw.clock(it.start)), fw.el("span", { class: "speaker" }, it.speaker), fw.el("span", {}, words));
  button.addEventListener("click", () => seek(it.start));
  return { start: it.start, end: it.end, button };
}

async function load(rendition) {
  place.replaceChildren(fw.el("p", { class: "quiet" }, fw.say("working")));
  try {
    const found = await fw.answer(await fw.call(rendition ? `${path}?rendition=${rendition}` : path));
    const transcript = found.transcript;
    if (!transcript || !transcript.segments.length) {
      place.replaceChildren(fw.el("p", { class: "empty" }, fw.say("nothing_said")));
      return;
    }
    rows = transcript.segments.map(utterance);
    const facts = [["duration", fw.clock(transcript.duration)], ["doubtful", fw.percent(transcript.low_confidence_ratio)],
      ["model", `${transcript.model.name} ${transcript.model.version}`]];
    place.replaceChildren(...[
      found.state === "succeeded" ? null : fw.el("p", { class: "notice" }, fw.say("unfinished")),
      fw.el("dl", { class: "facts" }, facts.map(([key, text]) => [fw.el("dt", {}, fw.say(key)), fw.el("dd", {}, text)]).flat()),
      fw.el("ol", { class: "transcript spoken" }, transcript.segments.map((it, at) => fw.el("li", { class: `lane-${it.channel}` }, rows[at].button))),
      fw.el("p", { class: "hint" }, transcript.disclosure),
    ].filter(Boolean));
  } catch (error) {
    place.replaceChildren(fw.problem(error));
  }
}

const original = by("original");
if (original) original.addEventListener("click", () => {
  const is = original.getAttribute("aria-pressed") !== "true";
  original.setAttribute("aria-pressed", String(is));
  original.textContent = fw.say(is ? "redacted" : "original");
  load(is ? "original" : null);
});

function seek(seconds) {
  if (!audio || !audio.src) return;
  audio.currentTime = seconds;
  audio.play();
}

function follow() {
  const now = audio.currentTime;
  for (const row of rows) {
    const is = row.start <= now && now < row.end;
    if (is && !row.button.hasAttribute("aria-current")) row.button.scrollIntoView({ block: "nearest" });
    row.button.toggleAttribute("aria-current", is);
    if (is) row.button.setAttribute("aria-current", "true");
  }
  draw(now);
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

// The loudest sample of each column of each channel, computed in pieces so that the page stays awake.
const canvas = by("waveform");
let lanes = [];
let length = 0;
async function peaks(bytes) {
  const rate = 8000;
  const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await bytes.arrayBuffer());
  length = sound.duration;
  if (length > MOST_DRAWN) {
    by("player-said").replaceChildren(fw.el("p", { class: "hint" }, fw.say("too_long")));
    return;
  }
  const channels = Array.from({ length: Math.min(2, sound.numberOfChannels) }, (_, at) => sound.getChannelData(at));
  const step = Math.max(1, Math.floor(sound.length / canvas.width));
  lanes = channels.map(() => new Float32Array(canvas.width));
  for (let column = 0; column < canvas.width; column += 1) {
    channels.forEach((samples, lane) => {
      let most = 0;
      for (let at = column * step; at < Math.min(samples.length, (column + 1) * step); at += 1) most = Math.max(most, Math.abs(samples[at]));
      lanes[lane][column] = most;
    });
    if (column % 50 === 49) await fw.wait(0);
  }
  canvas.classList.remove("hidden");
  by("waveform-hint").classList.remove("hidden");
  draw(0);
}

function draw(now) {
  if (!lanes.length) return;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const [colour, past] = [style.getPropertyValue("--edge"), style.getPropertyValue("--act")];
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const height = canvas.height / lanes.length;
  const head = (now / length) * canvas.width;
  lanes.forEach((lane, at) => {
    const middle = height * (at + 0.5);
    lane.forEach((peak, column) => {
      pen.fillStyle = column < head ? past : colour;
      pen.fillRect(column, middle - (peak * height) / 2, 1, Math.max(1, peak * height));
    });
  });
}
if (canvas) canvas.addEventListener("click", (event) => seek((event.offsetX / canvas.clientWidth) * length));

load(null);
