"use strict";

// 通話中: what is said in a call as it goes on, and what approved sources say to what is asked.

const by = fw.by;
const form = by("call");
const [beginner, ender] = [by("start"), by("stop")];
const [finals, answers] = [by("finals"), by("answers")];
const PATH = `/api/v1/speech/stream${form.dataset.answers ? "?answers=true" : ""}`;
const LANGUAGES = { "zh-TW": "zh", en: "en" };

// The call that goes on; none before and after.
let call = null;

const state = (text) => { by("state").textContent = text; };
const complain = (problem) => by("problem").replaceChildren(...(problem ? [problem] : []));
const chosen = () => form.querySelector("[name=source]:checked").value;

// Adds to a list that goes on; whoever has scrolled back stays there.
function add(flow, kind, node) {
  const isAtEnd = flow.scrollHeight - flow.scrollTop - flow.clientHeight < 40;
  flow.querySelectorAll(":scope > .empty").forEach((it) => it.remove());
  let list = flow.querySelector(":scope > ol");
  if (!list) {
    list = fw.el("ol", { class: kind });
    flow.append(list);
  }
  list.append(fw.el("li", {}, node));
  if (isAtEnd) flow.scrollTop = flow.scrollHeight;
}

// Masks stand out, and say what they are.
const masked = (text) => text.split(/(〔[^〕]+〕)/).map((it, at) => (at % 2 ? fw.el("span", { class: "pii", title: fw.say("masked") }, it) : it));

function final({ start: from, language, text, low_confidence: isUnsure }) {
  by("partial").hidden = true;
  const words = language === "und" ? fw.say("und") : masked(text);
  add(finals, "transcript said", [
    fw.el("span", { class: "when" }, fw.clock(from)),
    fw.el("span", { class: "tag" }, fw.say(`lang_${LANGUAGES[language] || "und"}`)),
    fw.el("span", { class: "words" }, isUnsure && language !== "und" ? [fw.el("u", { class: "doubt" }, words), " ", fw.el("span", { class: "tag warn" }, fw.say("unsure"))] : words),
  ]);
}

function partial({ text }) {
  by("partial").hidden = !text;
  by("partial-text").textContent = text;
}

// Buttons that tell the service what became of an answer: the first that is pressed counts.
function judged(id, rows) {
  const said = fw.el("p", { class: "hint", role: "status" });
  const buttons = rows.map(({ label, title, decision, note }) => {
    const button = fw.el("button", { type: "button", "aria-pressed": "false", "aria-label": title || null }, label);
    button.addEventListener("click", async () => {
      for (const other of buttons) other.disabled = true;
      try {
        await fw.answer(await fw.post(`/api/v1/predictions/${id}/feedback`, decision));
        button.setAttribute("aria-pressed", "true");
        said.textContent = note;
      } catch (error) {
        for (const other of buttons) other.disabled = false;
        said.replaceChildren(fw.problem(error));
      }
    });
    return button;
  });
  return { buttons, said };
}

const titleOf = (it) => it.title || it.source_id;
const quoted = (it) => [
  fw.el("blockquote", {}, it.quote),
  fw.el("p", { class: "hint" }, fw.say("cited", [titleOf(it), it.unit].filter(Boolean).join(" · ")), " · ",
    fw.say("span", it.version, it.quote_start + 1, it.quote_end), " · ", fw.sure(it.score)),
  /^https?:/.test(it.link || "") ? fw.el("p", { class: "hint" }, fw.el("a", { href: it.link, target: "_blank", rel: "noopener noreferrer" }, fw.say("link"))) : null,
];

function answer({ start: from, question, result }) {
  const mayJudge = form.dataset.judge;
  const { buttons, said } = judged(result.answer_id, mayJudge ? [
    ...(result.answer ? [{ label: fw.say("adopt"), decision: { decision: "accepted" }, note: fw.say("adopted") }] : []),
    { label: fw.say("not_fit"), decision: { decision: "discarded", reason: "not_applicable" }, note: fw.say("not_fitting") },
    ...result.alternatives.map((it) => ({ label: fw.say("adopt"), title: fw.say("adopt_named", titleOf(it)),
      decision: { decision: "corrected", label: it.source_id }, note: fw.say("adopted_other", titleOf(it)) })),
  ] : []);
  const others = buttons.splice(mayJudge ? (result.answer ? 2 : 1) : 0);
  add(answers, "asked", fw.el("div", { class: "suggested" },
    fw.el("h3", {}, fw.el("span", { class: "when" }, fw.clock(from)), " ", fw.say("question", ""), masked(question)),
    result.answer ? result.citations.map(quoted).flat() : fw.el("p", { class: "problem" }, fw.say("no_answer")),
    result.by_words_only ? fw.el("p", { class: "hint" }, fw.say("by_words")) : null,
    buttons.length ? fw.el("p", { class: "row" }, buttons) : null,
    result.alternatives.length ? fw.el("details", {}, fw.el("summary", {}, fw.say("alternatives", result.alternatives.length)),
      fw.el("ul", { class: "cited" }, result.alternatives.map((it, at) => fw.el("li", {}, quoted(it), others[at] ? fw.el("p", {}, others[at]) : null)))) : null,
    said, fw.el("p", { class: "hint" }, result.disclosure)));
}

const unasked = ({ start: from, question, message }) => add(answers, "asked", fw.el("div", { class: "suggested" },
  fw.el("h3", {}, fw.el("span", { class: "when" }, fw.clock(from)), " ", fw.say("question", ""), masked(question)),
  fw.el("p", { class: "problem" }, fw.say("unasked", message))));

// The call is over, well or not.
async function over(text, problem) {
  const ended = call;
  if (!ended) return;
  call = null;
  if (ended.silence) await ended.silence();
  const isLost = [document.body, ender].includes(document.activeElement);
  [beginner.disabled, ender.disabled] = [false, true];
  by("partial").hidden = true;
  state(text);
  complain(problem);
  if (isLost) beginner.focus();
}

// A browser does not tell why a stream was refused: a plain call does.
async function lost() {
  const problem = await fw.call(PATH).then(fw.answer).catch((error) => error);
  const isOther = problem.problem && problem.problem.code === "ER0210";
  await over("", fw.problem(isOther || !problem.problem ? { problem: { title: fw.say("lost") } } : problem));
}

const told = {
  ready: () => state(fw.say("listening")),
  partial, final, answer, unasked, lost,
  done: ({ received }) => over(fw.say("ended", fw.clock(received))),
  error: ({ code, message }) => over("", fw.problem({ problem: { title: message, code } })),
  again: (times) => state(fw.say("reconnecting", times)),
  behind: () => over("", fw.problem({ problem: { title: fw.say("behind") } })),
};

// A sound file: the one that was chosen, or the example.
async function sound(kind) {
  const blob = kind === "file" ? by("sound").files[0] : await (await fetch("/console/samples/recording.mp3")).blob();
  return fw.live.decode(blob);
}

// Opens the stream and gives it what is heard.
async function converse(own, kind) {
  if (kind !== "microphone") {
    const found = await sound(kind);
    // It was stopped meanwhile.
    if (call !== own) return;
    own.stream = fw.live.open(PATH, fw.asked({}), told);
    await fw.live.play(found, Number(by("speed").value), own.stream, () => own.isEnding);
    await end(own);
    return;
  }
  try {
    own.silence = await fw.live.listen(form.dataset.tap, (frame) => own.stream && own.stream.push(frame));
  } catch {
    throw Object.assign(new Error("microphone"), { problem: { title: fw.say("no_microphone") } });
  }
  if (own.isEnding) await over("");
  else own.stream = fw.live.open(PATH, fw.asked({}), told);
}

async function begin() {
  const kind = chosen();
  if (kind === "file" && !by("sound").files[0]) {
    complain(fw.problem({ problem: { title: fw.say("choose_file") } }));
    return;
  }
  complain(null);
  for (const flow of [finals, answers]) if (flow) flow.replaceChildren();
  const own = { kind, stream: null, silence: null, isEnding: false };
  call = own;
  [beginner.disabled, ender.disabled] = [true, false];
  ender.focus();
  state(fw.say("connecting"));
  try {
    await converse(own, kind);
  } catch (error) {
    if (call === own) await over("", fw.problem(error));
  }
}

async function end(own) {
  if (own !== call || own.isEnding) return;
  own.isEnding = true;
  ender.disabled = true;
  state(fw.say("ending"));
  if (own.silence) {
    await own.silence();
    own.silence = null;
  }
  if (own.stream) own.stream.end();
  // What is stopped before anything was sent is over at once.
  else if (own.kind !== "microphone") await over("");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!call) begin();
});
ender.addEventListener("click", () => { if (call) end(call); });
form.addEventListener("change", () => {
  by("file-place").hidden = chosen() !== "file";
  by("speed-place").hidden = chosen() === "microphone";
});
