"use strict";

// 介接系統: sends a delivery of one's own again.
for (const button of document.querySelectorAll("[data-redeliver]")) {
  button.addEventListener("click", async () => {
    const said = fw.by("said");
    button.disabled = true;
    try {
      await fw.answer(await fw.call(button.dataset.redeliver, { method: "POST" }));
      said.replaceChildren(fw.el("p", { class: "notice" }, fw.say("redelivered")));
    } catch (error) {
      button.disabled = false;
      said.replaceChildren(fw.problem(error));
    }
  });
}
