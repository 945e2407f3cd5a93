"use strict";

// What the screens' scripts share. Everything from the server becomes a text node, never markup.

const fw = {};

fw.by = (id) => document.getElementById(id);

// Makes an element; attributes that are null or false are left out.
fw.el = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((it) => it !== null && it !== undefined));
  return made;
};

const SVG = "http://www.w3.org/2000/svg";
fw.svg = (name, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// The words of the screen, in its language.
fw.words = fw.by("words") ? fw.by("words").dataset : {};

// A word with its blanks filled in: {0}, {1}.
fw.say = (key, ...values) => (fw.words[key] || key).replace(/\{(\d)\}/g, (_, place) => values[place]);

// A name and what it is, with the mark of the page's language between them.
fw.named = (name, what) => (document.documentElement.lang === "en" ? `${name}: ${what}` : `${name}：${what}`);

fw.percent = (score) => `${(100 * score).toFixed(1)}\u00a0%`;

// How sure an answer is, as a word and a figure: colour alone says nothing.
fw.sure = (score) => {
  const word = score >= 0.9 ? "high" : score >= 0.6 ? "middle" : "low";
  return `${fw.say(word)} (${fw.percent(score)})`;
};

// A bar of a share of the whole. Without inline style, as the policy demands.
fw.bar = (score) => fw.el("span", { class: "bar", "aria-hidden": "true" },
  fw.svg("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none" },
    fw.svg("rect", { width: String(Math.round(100 * Math.min(1, Math.max(0, score)))), height: "1" })));

// Calls the API with the session's token.
fw.call = (path, options = {}) => {
  const token = document.querySelector("meta[name=token]");
  const headers = new Headers(options.headers);
  if (token) headers.set("x-csrf-token", token.content);
  return fetch(path, { ...options, headers, credentials: "same-origin", cache: "no-store" });
};

// A request with the purpose that the person's account is approved for, where it must name one.
fw.asked = (body) => {
  const purpose = document.querySelector("meta[name=purpose]");
  return purpose ? { purpose: { code: purpose.content, case_no: "console" }, ...body } : body;
};

fw.post = (path, body) =>
  fw.call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

// The answer of a call: its document, or what is thrown says why not.
fw.answer = async (response) => {
  const text = await response.text();
  let document = {};
  try { document = text ? JSON.parse(text) : {}; } catch { document = { title: fw.say("no_connection") }; }
  if (!response.ok) throw Object.assign(new Error(document.code || String(response.status)), { problem: document });
  return document;
};

// Why something failed, as an alert.
fw.problem = (error) => {
  const { code, title, detail, errors } = error.problem || { title: fw.say("no_connection") };
  const places = (errors || []).map((it) => fw.el("li", {}, `${it.pointer} ${it.detail || ""}`));
  const text = [detail || title, code ? `(${code})` : ""].filter(Boolean).join(" ");
  return fw.el("div", { class: "problem", role: "alert" }, fw.el("p", {}, text), places.length ? fw.el("ul", {}, places) : null);
};

// A text with marks. Places are counted in Unicode code points; the later of two that overlap is left out.
fw.marked = (text, places) => {
  const points = Array.from(text);
  const made = [];
  let at = 0;
  for (const { start, end, make } of [...places].sort((a, b) => a.start - b.start)) {
    if (start < at) continue;
    made.push(points.slice(at, start).join(""), make(points.slice(start, end).join("")));
    at = end;
  }
  made.push(points.slice(at).join(""));
  return made;
};

// Seconds as 1:02:03 or 2:03.
fw.clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (it) => String(it).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};

fw.wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The menu of a narrow screen.
fw.by("menu-button")?.addEventListener("click", ({ currentTarget }) => {
  currentTarget.setAttribute("aria-expanded", String(currentTarget.getAttribute("aria-expanded") !== "true"));
});
