"use strict";

// 個資. What is asked goes in the body of a request, never into an address; what comes back becomes text nodes.

const SUBJECTS = "/api/v1/subjects";

const said = fw.by("said");
const tell = (...parts) => said.replaceChildren(...parts);

// Why something failed. What is wrong with an identifier is said in the words of its kind, at its field.
const fail = (error) => {
  const identifier = fw.by("identifier");
  const { code, errors = [] } = error.problem || {};
  const isWrong = errors.some((it) => it.pointer === "/identifier");
  identifier.removeAttribute("aria-invalid");
  identifier.removeAttribute("aria-describedby");
  if (!isWrong) return tell(fw.problem(error));
  const detail = fw.say(`wrong_${fw.by("kind").value.replace("-", "_")}`);
  tell(fw.problem({ problem: { code, detail } }));
  said.firstElementChild.id = "wrong";
  identifier.setAttribute("aria-invalid", "true");
  identifier.setAttribute("aria-describedby", "wrong");
  fw.by("found").replaceChildren();
  identifier.focus();
};
const value = (id) => (fw.by(id) ? fw.by(id).value.trim() : "");
const person = () => ({ kind: fw.by("kind").value, identifier: value("identifier") });

// Who it is, where nobody has to prove it.
const by = (id) => (fw.by(id) ? { by: value(id) } : {});

const post = async (path, body) => fw.answer(await fw.post(`${SUBJECTS}${path}`, body));
const moment = (text) => new Date(text).toLocaleString("sv-SE", { timeZone: "Asia/Taipei" });

// What changed something is shown by the page itself.
const changed = (what) => location.assign(`/console/privacy?did=${what}`);

const row = (it) => fw.el("tr", {},
  fw.el("th", { scope: "row", class: "mono" }, it.id),
  fw.el("td", { "data-label": fw.say("row") }, fw.say(it.kind)),
  fw.el("td", { "data-label": fw.say("service") }, it.service ? fw.words[`service_${it.service.replace("-", "_")}`] || it.service : fw.say("gone")),
  fw.el("td", { "data-label": fw.say("noted") }, moment(it.noted_at)),
  fw.el("td", { "data-label": fw.say("expires") }, it.expires_at ? moment(it.expires_at) : "–"));

const table = (items) => {
  if (!items.length) return fw.el("p", { class: "empty" }, fw.say("none_found"));
  const head = ["request", "row", "service", "noted", "expires"].map((it) => fw.el("th", { scope: "col" }, fw.say(it === "request" ? "object" : it)));
  return fw.el("table", { class: "cards" },
    fw.el("caption", {}, fw.say("found", items.length)),
    fw.el("thead", {}, fw.el("tr", {}, head)),
    fw.el("tbody", {}, items.map(row)));
};

fw.by("find").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const found = await post("/find", person());
    tell();
    for (const it of ["aria-invalid", "aria-describedby"]) fw.by("identifier").removeAttribute(it);
    fw.by("found").replaceChildren(table(found.items));
  } catch (error) { fail(error); }
});

fw.by("copy").addEventListener("click", async () => {
  if (!fw.by("find").reportValidity()) return;
  try {
    const copy = await post("/copies", person());
    const url = URL.createObjectURL(new Blob([JSON.stringify(copy, null, 2)], { type: "application/json" }));
    fw.el("a", { href: url, download: "copy.json" }).click();
    URL.revokeObjectURL(url);
    tell(fw.el("p", { class: "notice" }, fw.say("copied", copy.files.length)));
  } catch (error) { fail(error); }
});

fw.by("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!fw.by("find").reportValidity()) return;
  try {
    await post("/erasures", { ...person(), reason: value("ask-reason"), ...by("ask-by") });
    changed("ask");
  } catch (error) { fail(error); }
});

fw.by("hold").addEventListener("submit", async (event) => {
  event.preventDefault();
  const kind = fw.by("hold-kind").value;
  const isPerson = kind === "subject";
  if (isPerson && !fw.by("find").reportValidity()) return;
  try {
    const about = isPerson ? person() : { object: value("hold-object") };
    await post("/holds", { held: kind, ...about, reason: value("hold-reason"), ...by("hold-by") });
    changed("hold");
  } catch (error) { fail(error); }
});

// A person needs no other id than the identifier.
const fit = () => {
  const isPerson = fw.by("hold-kind").value === "subject";
  fw.by("hold-object").disabled = isPerson;
  fw.by("hold-object").required = !isPerson;
};
fw.by("hold-kind").addEventListener("change", fit);
fit();

// What cannot be taken back is asked again.
for (const button of document.querySelectorAll("[data-do]")) {
  const what = button.dataset.do;
  const dialog = fw.by(`${what}-dialog`);
  button.addEventListener("click", () => {
    dialog.querySelector("[data-object]").textContent = button.dataset.id;
    dialog.returnValue = "";
    dialog.showModal();
  });
}
const places = { approve: "erasures", reject: "erasures", lift: "holds" };
for (const [what, place] of Object.entries(places)) {
  const dialog = fw.by(`${what}-dialog`);
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== what) return;
    const id = dialog.querySelector("[data-object]").textContent;
    const why = what === "reject" ? { reason: value("reject-reason") } : {};
    try {
      await post(`/${place}/${id}/${what}`, { ...why, ...by(`${what}-by`) });
      changed(what);
    } catch (error) {
      fail(error);
      said.scrollIntoView();
    }
  });
}
