"use strict";

// Everything from the server becomes a text node, never markup.
const el = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const by = (id) => document.getElementById(id);
const percent = (score) => `${(100 * score).toFixed(1)} %`;
const inWords = (score) => (score >= 0.9 ? "高" : score >= 0.6 ? "中" : "低");

const LETTERS = [
  ["戶籍遷入遭退件", by("letter-body").value],
  ["路燈不亮", "請問我家巷口的路燈壞了三個月,向里長反映都沒有回音,請派員修復。"],
  ["替代役申請", "我今年大學畢業,想申請研發替代役,請問受理期間與應備文件為何?"],
  ["", "我要檢舉某不動產經紀業者未具執照從事仲介,請保密我的身分。"],
];
const DOCUMENTS = [
  [by("document-subject").value, by("document-body").value],
  ["復貴部115年10月5日台內戶字第1150123456號函", "有關戶籍登記疑義一案,本府意見如說明。"],
  ["檢送外來人口居留證核發統計一案", "依入出國及移民法相關規定辦理。"],
  ["函轉國際商港擴建工程環境影響評估案", "請貴機關依權責卓處。"],
];

for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = [...document.querySelectorAll("[role=tab]")];
    choose(tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length]);
  });
}

function choose(chosen) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const is = tab === chosen;
    tab.setAttribute("aria-selected", String(is));
    tab.tabIndex = is ? 0 : -1;
    by(tab.getAttribute("aria-controls")).hidden = !is;
  }
  chosen.focus();
}

function onSubmit(id, ask, show) {
  const [panel, result] = [by(id), by(id).querySelector(".result")];
  panel.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = panel.querySelector("[type=submit]");
    button.disabled = true;
    result.replaceChildren(el("p", {}, "處理中…"));
    try {
      const response = await ask();
      const answer = await response.json();
      if (response.ok) result.replaceChildren(...show(answer));
      else result.replaceChildren(problem(answer));
    } catch {
      result.replaceChildren(problem({ title: "無法連線到服務。" }));
    }
    button.disabled = false;
  });
}

function problem({ code, title, detail, errors }) {
  const places = (errors || []).map((it) => el("li", {}, `${it.pointer} ${it.detail || ""}`));
  const text = [code, title, detail].filter(Boolean).join(" · ");
  return el("div", { class: "problem", role: "alert" }, el("p", {}, text), el("ul", {}, ...places));
}

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

function onNext(id, examples, fields) {
  let number = 0;
  by(id).querySelector("[data-next]").addEventListener("click", () => {
    number = (number + 1) % examples.length;
    fields.forEach((field, place) => { by(field).value = examples[number][place]; });
  });
}

// Places are counted in Unicode code points; the later of two that overlap is left out.
function marked(text, places) {
  const points = Array.from(text);
  const made = [];
  let at = 0;
  for (const place of [...places].sort((a, b) => a.start - b.start)) {
    if (place.start < at) continue;
    made.push(points.slice(at, place.start).join(""));
    const piece = points.slice(place.start, place.end).join("");
    made.push(place.weight === undefined
      ? el("span", { class: "pii", title: `個資:${place.kind}` }, piece)
      : el("mark", { title: `依據,權重 ${place.weight}` }, piece));
    at = place.end;
  }
  made.push(points.slice(at).join(""));
  return el("p", { class: "text" }, ...made);
}

function suggestion(number, name, detail, score, feedback) {
  const words = `${inWords(score)}(${percent(score)})`;
  const row = el("li", {}, el("span", {}, `${number}`), el("span", {}, el("strong", {}, name), ` ${detail}`), el("span", {}, words),
    el("meter", { min: 0, max: 1, value: score, "aria-label": `信心度 ${words}` }));
  if (feedback) {
    const button = el("button", { type: "button" }, number === 1 ? "接受" : "改為這個");
    button.addEventListener("click", () => feedback(button));
    row.append(button);
  }
  return row;
}

function decide(predictionId, label, isFirst) {
  return async (button) => {
    const decision = isFirst ? { decision: "accepted" } : { decision: "corrected", label };
    const answer = await post(`/api/v1/predictions/${predictionId}/feedback`, decision);
    const said = answer.ok ? "已記下" : "未能記下";
    for (const other of button.closest("ol").querySelectorAll("button")) other.disabled = true;
    button.replaceWith(said);
  };
}

const AUTOMATION = { suggest: "建議", preselect: "預選", automatic: "自動" };

function summary(answer) {
  const sure = answer.abstained ? "信心不足,請由承辦人判斷。" : "信心足夠,仍由承辦人決定。";
  return el("p", {}, `${sure}自動化等級:${AUTOMATION[answer.automation]}。模型 ${answer.model.name} 第 ${answer.model.version} 版。${answer.disclosure}`);
}

const FLAGS = { confidential_report: "檢舉或要求保密", no_substance: "內容空泛", urgent: "急件或有期限", sensitive: "敏感:請立即由人處理", instruction_like: "疑似對機器下指令" };

onNext("letter", LETTERS, ["letter-subject", "letter-body"]);
onSubmit("letter",
  () => post("/api/v1/letters/classifications", { letters: [{ subject: by("letter-subject").value, body: by("letter-body").value }] }),
  ({ items: [item] }) => {
    const rows = item.labels.map((it, place) => suggestion(place + 1, it.name, it.unit || "", it.score, decide(item.prediction_id, it.code, place === 0)));
    const flags = Object.entries(FLAGS).filter(([key]) => Number(item.flags[key]) > 0.5).map(([, words]) => el("li", {}, words));
    if (item.flags.repeated) flags.push(el("li", {}, `與先前信件相似(${percent(item.flags.repeated_similarity)})`));
    if (item.flags.not_our_remit > 0.5) flags.push(el("li", {}, `可能屬${item.flags.ministry.name}業務(${percent(item.flags.not_our_remit)})`));
    const of = (field) => [...item.evidence, ...item.pii].filter((it) => it.field === field);
    return [
      el("h2", {}, "建議"), summary(item), el("ol", { class: "suggestions" }, ...rows),
      el("h2", {}, "提示"), flags.length ? el("ul", {}, ...flags) : el("p", {}, "無。"),
      el("h2", {}, "依據(標示處)與個資(波浪線)"),
      marked(by("letter-subject").value, of("subject")), marked(by("letter-body").value, of("body")),
    ];
  });

const REASONS = { own_number: "來文回復本機關文號", prior_case: "前案", term: "用語" };

onNext("document", DOCUMENTS, ["document-subject", "document-body"]);
onSubmit("document",
  () => {
    const file = by("document-file").files[0];
    const path = "/api/v1/documents/dispatch-suggestions";
    if (file) return fetch(path, { method: "POST", headers: { "content-type": "application/xml" }, body: file });
    const body = by("document-body").value;
    return post(path, { document: { priority: by("document-priority").value, subject: by("document-subject").value, body: body ? [body] : [] } });
  },
  (answer) => {
    const roles = { main: "主辦", co: "會辦" };
    const rows = answer.units.map((it, place) => suggestion(place + 1, it.name, `${roles[it.role]} ${it.unit}`, it.score));
    const text = { subject: by("document-subject").value, body: by("document-body").value };
    const reasons = answer.reasons.map((it) => {
      const piece = it.ref || (by("document-file").files[0] || it.start === undefined ? "" : Array.from(text[it.field] || "").slice(it.start, it.end).join(""));
      return el("li", {}, `${REASONS[it.kind] || it.kind}${piece ? `:「${piece}」` : ""}`);
    });
    const foreign = answer.out_of_remit && answer.ministry
      ? [el("p", { class: "problem" }, `可能非本部業務,建議移文${answer.ministry.name}(${percent(answer.ministry.score)})。`)] : [];
    const days = answer.deadline.working_days ? `,${answer.deadline.working_days} 個工作日` : "";
    return [
      el("h2", {}, "建議"), summary(answer), ...foreign, el("ol", { class: "suggestions" }, ...rows),
      el("h2", {}, "理由"), el("ul", {}, ...reasons),
      el("h2", {}, "期限"), el("p", {}, `${answer.deadline.date}(${answer.deadline.rule}${days})`),
    ];
  });

const FIELDS = {
  name: "姓名", name_zh: "中文姓名", name_en: "英文姓名", sex: "性別", birth_date: "出生日期", issue_date: "發證日期", expiry_date: "有效期限",
  issue_place: "發證地", issue_kind: "換補發類別", id_number: "身分證號", card_number: "卡號", residence_no: "居留證號", passport_no: "護照號碼",
  nationality: "國籍", birth_place: "出生地", address: "地址", father: "父", mother: "母", spouse: "配偶", military_service: "役別",
  licence_class: "駕照種類", authority: "發照機關", control_number: "管制號碼", purpose: "居留事由",
};
const TYPES = {
  tw_national_id_front: "國民身分證正面", tw_national_id_back: "國民身分證背面", tw_resident_certificate: "居留證", tw_nhi_card: "健保卡",
  tw_driver_licence: "駕駛執照", tw_passport: "中華民國護照", passport: "外國護照", mrz_td1: "機讀證件(TD1)", mrz_td2: "機讀證件(TD2)",
  visa: "簽證", unknown: "無法判斷",
};
const STATUS = { verified: "已驗證", plausible: "可信", review: "請複核", invalid: "不合規則" };

addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  choose(by("tab-card"));
  by("card-file").files = event.dataTransfer.files;
  by("card").querySelector("form").requestSubmit();
});
onSubmit("card",
  () => {
    const form = new FormData();
    form.append("meta", new Blob([JSON.stringify({ options: { boxes: true } })], { type: "application/json" }));
    form.append("image", by("card-file").files[0]);
    return fetch("/api/v1/identity-documents/recognitions", { method: "POST", body: form });
  },
  (answer) => card(answer.documents ? answer.documents[0] : answer));

function card({ document: found, fields, quality, mrz }) {
  const image = el("img", { alt: "送出的影像", src: URL.createObjectURL(by("card-file").files[0]) });
  const overlay = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  image.addEventListener("load", () => {
    overlay.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
    URL.revokeObjectURL(image.src);
  });
  const rows = fields.map((field) => {
    const checks = field.checks.map((it) => `${it.name} ${it.ok ? "通過" : "未通過"}`).join("、");
    const row = el("tr", { tabindex: 0 }, ...[FIELDS[field.name] || field.name, field.value ?? field.raw, STATUS[field.status], percent(field.confidence), checks].map((it) => el("td", {}, it)));
    if (field.box) {
      const polygon = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
      polygon.setAttribute("points", field.box.map((it) => it.join(",")).join(" "));
      overlay.append(polygon);
      const current = (is) => () => [row, polygon].forEach((it) => it.classList.toggle("current", is));
      for (const [enter, leave] of [["mouseenter", "mouseleave"], ["focus", "blur"]]) {
        row.addEventListener(enter, current(true));
        row.addEventListener(leave, current(false));
      }
    }
    return row;
  });
  const head = el("tr", {}, ...["欄位", "值", "可信程度", "信心度", "檢核"].map((it) => el("th", { scope: "col" }, it)));
  const retake = quality.retake ? [el("p", { class: "problem" }, `建議重拍:${quality.reasons.map((it) => it.text).join("、")}`)] : [];
  const zone = mrz ? [el("h2", {}, "機讀區"), el("p", { class: "text" }, mrz.lines.join("\n"))] : [];
  return [
    el("h2", {}, `種類:${TYPES[found.type] || found.type}(${percent(found.type_score)})`), ...retake,
    el("div", { class: "picture" }, image, overlay),
    el("h2", {}, "欄位"), el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))), ...zone,
  ];
}
