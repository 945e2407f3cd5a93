"use strict";

// 介接系統: decides on applications, looks after keys, suspends systems and lets them call again; sends a delivery of
// one's own again. Everything goes through the API. A key stands in the page until its dialog closes, and nowhere else.

const said = fw.by("said");
const fail = (error) => {
  said.replaceChildren(fw.problem(error));
  said.scrollIntoView();
};
const value = (id) => (fw.by(id) ? fw.by(id).value.trim() : "");

// What changed something is shown by the page itself.
const changed = (what, client) =>
  location.assign(`/console/clients?did=${what}${client ? `&client=${encodeURIComponent(client)}` : ""}`);

const decided = (what) => ({
  ...(what === "reject" ? { reason: value("reject-reason") } : {}),
  // Who it is, where nobody has to prove it.
  ...(fw.by(`${what}-by`) ? { by: value(`${what}-by`) } : {}),
});

for (const dialog of document.querySelectorAll("dialog")) {
  const what = dialog.id.replace("-dialog", "");
  let asked = null;
  for (const button of document.querySelectorAll(`[data-do="${what}"]`)) {
    button.addEventListener("click", () => {
      asked = button.dataset;
      dialog.querySelector("[data-object]").textContent = asked.about;
      dialog.returnValue = "";
      dialog.showModal();
    });
  }
  dialog.addEventListener("close", async () => {
    if (!asked || dialog.returnValue !== what) return;
    const { path, client, method = "POST" } = asked;
    try {
      const takes = ["approve", "reject"].includes(what);
      await fw.answer(await (takes ? fw.post(path, decided(what)) : fw.call(path, { method })));
      changed(what, client);
    } catch (error) { fail(error); }
  });
}

const [keyDialog, keyText, keySaid] = [fw.by("key-dialog"), fw.by("key-text"), fw.by("key-said")];

for (const button of document.querySelectorAll("[data-issue]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const issued = await fw.answer(await fw.call(button.dataset.issue, { method: "POST" }));
      keyDialog.querySelector("[data-object]").textContent = issued.key_id;
      keyText.value = issued.key;
      keyDialog.showModal();
      keyText.select();
    } catch (error) { fail(error); }
    button.disabled = false;
  });
}

fw.by("key-copy").addEventListener("click", async () => {
  let word = "issued_copied";
  try {
    await navigator.clipboard.writeText(keyText.value);
  } catch {
    word = "issued_select";
    keyText.select();
  }
  keySaid.replaceChildren(fw.el("p", { class: "hint" }, fw.say(word)));
});

keyDialog.addEventListener("close", () => {
  keyText.value = "";
  changed("issue");
});

for (const button of document.querySelectorAll("[data-redeliver]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await fw.answer(await fw.call(button.dataset.redeliver, { method: "POST" }));
      said.replaceChildren(fw.el("p", { class: "notice" }, fw.say("redelivered")));
    } catch (error) {
      button.disabled = false;
      fail(error);
    }
  });
}
