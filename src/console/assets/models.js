"use strict";

// 模型與評測: proposes a version, approves a proposal or rejects it. Everything goes through the API.

const PROPOSALS = "/api/v1/models/proposals";

const said = fw.by("said");
const fail = (error) => {
  said.replaceChildren(fw.problem(error));
  said.scrollIntoView();
};
const value = (id) => (fw.by(id) ? fw.by(id).value.trim() : "");

// Who it is, where nobody has to prove it.
const by = (id) => (fw.by(id) ? { by: value(id) } : {});
const post = async (path, body) => fw.answer(await fw.post(`${PROPOSALS}${path}`, body));

// What changed something is shown by the page itself.
const changed = (what) => location.assign(`/console/models?did=${what}`);

const form = fw.by("propose");
if (form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const version = Number(value("propose-version"));
    try {
      await post("", { model: fw.by("propose-model").value, version, reason: value("propose-reason"), ...by("propose-by") });
      changed("propose");
    } catch (error) { fail(error); }
  });
}

for (const button of document.querySelectorAll("[data-do]")) {
  const dialog = fw.by(`${button.dataset.do}-dialog`);
  button.addEventListener("click", () => {
    dialog.querySelector("[data-object]").textContent = button.dataset.id;
    dialog.returnValue = "";
    dialog.showModal();
  });
}
for (const what of ["approve", "reject"]) {
  const dialog = fw.by(`${what}-dialog`);
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== what) return;
    const id = dialog.querySelector("[data-object]").textContent;
    const why = what === "reject" ? { reason: value("reject-reason") } : {};
    try {
      await post(`/${id}/${what}`, { ...why, ...by(`${what}-by`) });
      changed(what);
    } catch (error) { fail(error); }
  });
}
