"use strict";

// 個資. What is asked goes in the body of a request, never into an address; what comes back becomes text nodes.

const PRIVACY = "/console/privacy";

const said = fw.by("said");
const tell = (...parts) => said.replaceChildren(...parts);
const fail = (error) => tell(fw.problem(error));
const value = (id) => (fw.by(id) ? fw.by(id).value.trim() : "");
const person = () => ({ kind: fw.by("kind").value, identifier: value("identifier") });

const act = async (body) => fw.answer(await fw.post(PRIVACY, body));

// What changed something is shown by the page itself.
const changed = (what) => location.assign(`${PRIVACY}?did=${what}`);

const row = (it) => fw.el("tr", {},
  fw.el("th", { scope: "row", class: "mono" }, it.id),
  fw.el("td", { "data-label": fw.say("row") }, fw.say(it.kind)),
  fw.el("td", { "data-label": fw.say("service") }, it.service || fw.say("gone")),
  fw.el("td", { "data-label": fw.say("noted") }, it.noted),
  fw.el("td", { "data-label": fw.say("expires") }, it.expires || "–"));

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
    const found = await act({ do: "find", ...person() });
    tell();
    fw.by("found").replaceChildren(table(found.items));
  } catch (error) { fail(error); }
});

fw.by("copy").addEventListener("click", async () => {
  if (!fw.by("find").reportValidity()) return;
  try {
    const copy = await act({ do: "copy", ...person() });
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
    await act({ do: "ask", ...person(), reason: value("ask-reason"), by: value("ask-by") });
    changed("ask");
  } catch (error) { fail(error); }
});

fw.by("hold").addEventListener("submit", async (event) => {
  event.preventDefault();
  const kind = fw.by("hold-kind").value;
  const isPerson = kind === "subject";
  if (isPerson && !fw.by("find").reportValidity()) return;
  try {
    const about = isPerson ? person() : {};
    await act({ do: "hold", ...about, held: kind, object: value("hold-object"), reason: value("hold-reason"), by: value("hold-by") });
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
for (const what of ["approve", "lift"]) {
  const dialog = fw.by(`${what}-dialog`);
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== what) return;
    try {
      await act({ do: what, id: dialog.querySelector("[data-object]").textContent, by: value(`${what}-by`) });
      changed(what);
    } catch (error) {
      fail(error);
      said.scrollIntoView();
    }
  });
}
