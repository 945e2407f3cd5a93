"use strict";

// 1996 錄音: the words of an officer in the place of those that were heard. Loaded before the screen's own script.

fw.correction = {};

// Runs of two texts that are the same, only in the old one (`del`), or only in the new one (`ins`).
fw.correction.difference = (before, after) => {
  const [old, fresh] = [Array.from(before), Array.from(after)];
  const width = fresh.length + 1;
  const longest = new Uint16Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      longest[row * width + column] = old[row] === fresh[column] ? longest[(row + 1) * width + column + 1] + 1
        : Math.max(longest[(row + 1) * width + column], longest[row * width + column + 1]);
    }
  }
  const runs = [];
  const push = (kind, ch) => {
    if (runs.length && runs.at(-1)[0] === kind) runs.at(-1)[1] += ch;
    else runs.push([kind, ch]);
  };
  let [row, column] = [0, 0];
  while (row < old.length || column < fresh.length) {
    if (row < old.length && column < fresh.length && old[row] === fresh[column]) {
      push("same", fresh[column]);
      [row, column] = [row + 1, column + 1];
    } else if (row < old.length && (column === fresh.length || longest[(row + 1) * width + column] >= longest[row * width + column + 1])) {
      push("del", old[row]);
      row += 1;
    } else {
      push("ins", fresh[column]);
      column += 1;
    }
  }
  return runs;
};

// Who changed what of an utterance, and when; with the way back for whoever may take it.
fw.correction.note = (it) => {
  if (!it.correction) return null;
  const { heard, by: who, at } = it.correction;
  const language = document.documentElement.lang.startsWith("en") ? "en-GB" : "zh-TW";
  const when = new Date(at).toLocaleString(language, { timeZone: "Asia/Taipei", hour12: false });
  const changes = fw.correction.difference(heard, it.text).map(([kind, text]) => (kind === "same" ? text : fw.el(kind, {}, text)));
  return fw.el("div", { class: "correction" },
    fw.el("span", { class: "sr" }, fw.say("heard_as", heard)), fw.el("span", { "aria-hidden": "true" }, changes), " ",
    fw.el("span", { class: "quiet" }, fw.say("corrected_by", who, when)), " ",
    fw.words.may_correct ? fw.el("button", { type: "button", class: "undo" }, fw.say("undo")) : null);
};

document.addEventListener("DOMContentLoaded", () => {
  if (!fw.words.may_correct) return;
  // One button for all utterances: it comes to the one that has the focus or the pointer.
  const opener = fw.el("button", { type: "button", class: "correct" }, fw.say("correct"));
  const call = (row, method, body) => fw.call(`${path}/segments/${row.it.id}/correction`, {
    method,
    headers: { "content-type": "application/json", "if-match": `"${version}"` },
    body: body && JSON.stringify(body),
  });

  // What is shown otherwise now.
  async function changed(answer, row, word) {
    version = answer.version;
    for (const it of answer.segments) fill(rows[it.id], it);
    announce(fw.say(word));
    row.button.focus();
  }

  function refused(error, at) {
    const problem = fw.problem(error);
    if (error.problem && error.problem.code === "ER0420") {
      const again = fw.el("button", { type: "button" }, fw.say("reload"));
      again.addEventListener("click", async () => {
        await load();
        announce(fw.say("reloaded"));
      });
      problem.append(again);
    }
    at.replaceChildren(problem);
  }

  function edit(row) {
    if (row.item.querySelector("form")) return;
    const field = fw.el("textarea", { id: "correction-text", rows: "2", maxlength: "1000", "aria-describedby": "correction-keys" });
    field.value = row.it.text;
    const said = fw.el("div");
    const form = fw.el("form", { class: "correcting" },
      fw.el("label", { for: "correction-text" }, fw.say("correct_label", fw.clock(row.it.start), row.it.speaker)), field,
      fw.el("p", { class: "hint", id: "correction-keys" }, fw.say(rendition === "original" ? "correct_keys" : "correct_masks")), said,
      fw.el("p", { class: "row" }, fw.el("button", { class: "primary" }, fw.say("save")), fw.el("button", { type: "button", class: "cancel" }, fw.say("cancel"))));
    const close = () => {
      form.remove();
      row.button.focus();
    };
    form.querySelector(".cancel").addEventListener("click", close);
    form.addEventListener("keydown", (event) => {
      // Enter also ends what an input method is composing: that is not meant.
      if (event.isComposing) return;
      if (event.key === "Escape") close();
      if (event.key !== "Enter" || event.target !== field) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = field.value.replace(/\s+/g, " ").trim();
      if (text === row.it.text) {
        close();
        return;
      }
      const save = form.querySelector(".primary");
      save.disabled = true;
      try {
        const answer = await fw.answer(await call(row, "PUT", fw.asked({ text, rendition })));
        form.remove();
        await changed(answer, row, "saved");
      } catch (error) {
        save.disabled = false;
        refused(error, said);
      }
    });
    opener.remove();
    row.item.append(form);
    field.focus();
  }

  async function undo(row) {
    try {
      const answer = await fw.answer(await call(row, "DELETE"));
      if (rendition === "original") {
        await load();
        announce(fw.say("undone"));
        rows[row.it.id].button.focus();
      } else {
        await changed(answer, row, "undone");
      }
    } catch (error) {
      refused(error, by("said"));
    }
  }

  const offer = (event) => {
    const row = rowOf(event.target);
    if (row && !row.item.contains(opener) && !row.item.querySelector("form")) row.button.after(opener);
  };
  place.addEventListener("focusin", offer);
  place.addEventListener("mouseover", offer);
  place.addEventListener("click", (event) => {
    if (event.target.matches(".correct")) edit(rowOf(event.target));
    if (event.target.matches(".undo")) undo(rowOf(event.target));
  });
  // Only while an utterance has the focus: no shortcut of the whole page.
  place.addEventListener("keydown", (event) => {
    if (!event.target.matches(".utterance, .correct") || event.key.toLowerCase() !== "e" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    edit(rowOf(event.target));
  });
});
