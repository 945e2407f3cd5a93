"use strict";

// 模型與評測: proposes a version, approves a proposal or rejects it, chooses modes. Everything goes through the API.

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

// A service offers its own modes only.
const offer = () => {
  const [service, mode] = [fw.by("mode-service"), fw.by("mode-mode")];
  const own = service.selectedOptions[0].dataset.modes.split(" ");
  for (const it of mode.options) {
    it.disabled = it.value !== "default" && !own.includes(it.value);
  }
  if (mode.selectedOptions[0].disabled) mode.value = "default";
};

const choosing = fw.by("choose-mode");
if (choosing) {
  const dialog = fw.by("mode-dialog");
  const saidOf = (select) => select.selectedOptions[0].textContent;
  offer();
  fw.by("mode-service").addEventListener("change", offer);
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => {
      fw.by("mode-org").value = button.dataset.org;
      fw.by("mode-service").value = button.dataset.service;
      fw.by("mode-mode").value = button.dataset.mode;
      offer();
      fw.by("mode-mode").focus();
    });
  }
  choosing.addEventListener("submit", (event) => {
    event.preventDefault();
    const [service, mode] = [fw.by("mode-service"), fw.by("mode-mode")];
    dialog.querySelector("[data-object]").textContent = `${value("mode-org")} · ${saidOf(service)} → ${saidOf(mode)}`;
    dialog.querySelector("[data-means]").textContent = mode.selectedOptions[0].dataset.means;
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "mode") return;
    const path = `/api/v1/modes/${encodeURIComponent(value("mode-org"))}/${fw.by("mode-service").value}`;
    const body = { mode: fw.by("mode-mode").value, reason: value("mode-reason"), ...by("mode-by") };
    try {
      const headers = { "content-type": "application/json" };
      await fw.answer(await fw.call(path, { method: "PUT", headers, body: JSON.stringify(body) }));
      changed("mode");
    } catch (error) { fail(error); }
  });
}
