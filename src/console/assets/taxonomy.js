"use strict";

// 分類與職掌: tries what another version would change, and adds it. Everything goes through the API.

const TAXONOMY = "/api/v1/taxonomy";

const form = fw.by("version");
if (form) {
  const said = fw.by("said");
  const add = fw.by("add-version");
  const dialog = fw.by("confirm");
  const fail = (error) => said.replaceChildren(fw.problem(error));

  const asked = async () => ({ toml: await fw.by("file").files[0].text(), valid_from: fw.by("valid-from").value });
  const unit = (path) => path || fw.say("no_unit");

  const list = (title, items) => [
    fw.el("h4", {}, `${title} (${items.length})`),
    items.length ? fw.el("ul", {}, items.map((it) => fw.el("li", {}, it))) : fw.el("p", { class: "quiet" }, fw.say("nothing")),
  ];

  const shown = (it) => fw.el("div", {},
    fw.el("h3", {}, fw.say("difference", it.version)),
    list(fw.say("added_units"), it.added),
    list(fw.say("removed_units"), it.removed),
    list(fw.say("changed_units"), it.changed.map(({ path, fields }) => fw.named(path, fields.map((field) => fw.say(field)).join("、")))),
    fw.el("p", {}, fw.say("equal_units", it.equal)),
    list(fw.say("labels"), it.labels.map(({ label, before, after }) => fw.named(label, `${unit(before)} → ${unit(after)}`))));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    add.disabled = true;
    try {
      const difference = await fw.answer(await fw.post(`${TAXONOMY}/comparisons`, await asked()));
      said.replaceChildren();
      fw.by("difference").replaceChildren(shown(difference));
      add.disabled = false;
    } catch (error) {
      fw.by("difference").replaceChildren();
      fail(error);
    }
  });

  // Another file or day was not tried yet.
  form.addEventListener("change", () => { add.disabled = true; });

  add.addEventListener("click", () => {
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "add") return;
    try {
      await fw.answer(await fw.post(`${TAXONOMY}/versions`, await asked()));
      location.assign("/console/taxonomy?did=add");
    } catch (error) { fail(error); }
  });
}
