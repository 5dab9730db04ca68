// The last cells as thumbnails; one can be picked and overruled.
import { kindOf, mark, shown, TAKEN_OUT } from "./marks.js";
import { send } from "./send.js";

const at = (id) => document.getElementById(id);
let cells = [], labels = [], picked = null, seen = "";

export const pickedNumber = () => picked;
export const verdicts = () => new Map(cells.map((cell) => [cell.number, cell.verdict]));

export function showCells(last, names) {
  labels = names;
  const now = JSON.stringify(last);
  if (now === seen) return;
  seen = now;
  cells = last;
  at("none").hidden = cells.length > 0;
  const there = new Map([...at("last").children].map((item) => [Number(item.dataset.number), item]));
  at("last").replaceChildren(...cells.map((cell) => fill(there.get(cell.number) ?? make(cell), cell)));
  if (!cells.some((cell) => cell.number === picked)) picked = null;
  showPicked();
}

function make(cell) {
  const item = document.createElement("li");
  item.dataset.number = cell.number;
  const button = item.appendChild(document.createElement("button"));
  button.type = "button";
  button.onclick = () => pick(picked === cell.number ? null : cell.number);
  const image = button.appendChild(document.createElement("img"));
  Object.assign(image, { src: `/api/cells/${cell.number}/thumbnail.jpg`, alt: `Cell ${cell.number}` });
  button.appendChild(document.createElement("span"));
  return item;
}

function fill(item, cell) {
  const kind = kindOf(cell, labels);
  item.className = `${kind} ${cell.counted ? "" : "uncounted"} ${cell.verdict === TAKEN_OUT ? "out" : ""}`;
  const model = `${shown(cell.label)} ${cell.probability.toFixed(2)}`;
  const text = document.createElement("b");
  text.append(mark(kind), " ", cell.verdict ? word(cell.verdict) : cell.status === "ok" ? model : "uncertain");
  const small = document.createElement("small");
  small.textContent = cell.verdict || cell.status !== "ok" ? `model ${model}` : cell.counted ? `no. ${cell.number}` : "not counted";
  item.querySelector("span:not(.mark)").replaceChildren(text, small);
  return item;
}

const word = (verdict) => (verdict === TAKEN_OUT ? "taken out" : shown(verdict));

export function pick(number) {
  picked = number;
  showPicked();
  at("last").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

export function step(by) {
  if (!cells.length) return;
  const now = cells.findIndex((cell) => cell.number === picked);
  pick(cells[now < 0 ? 0 : Math.max(0, Math.min(cells.length - 1, now + by))].number);
}

function showPicked() {
  for (const item of at("last").children) {
    item.firstChild.setAttribute("aria-pressed", Number(item.dataset.number) === picked);
  }
  const cell = cells.find((one) => one.number === picked);
  at("detail-none").hidden = Boolean(cell);
  at("detail-cell").hidden = !cell;
  if (!cell) return;
  const image = `/api/cells/${cell.number}/thumbnail.jpg`;
  if (at("detail-picture").getAttribute("src") !== image) at("detail-picture").src = image;
  at("detail-picture").alt = `Cell ${cell.number}`;
  const doubt = cell.status === "ok" ? "" : ", uncertain";
  const said = `Cell ${cell.number}\nmodel: ${shown(cell.label)} ${cell.probability.toFixed(2)}${doubt}`;
  at("detail-text").textContent = cell.verdict ? `${said}\nyou: ${word(cell.verdict)}` : said;
  at("detail-doubt").textContent = cell.counted ? cell.detail : "It was met while no count ran, so it cannot be overruled.";
  showVerdicts(cell);
}

function showVerdicts(cell) {
  const choices = [...labels.map((label, i) => [label, shown(label), String(i + 1)]),
    [TAKEN_OUT, "Take out", "x"], [null, "Model\u2019s answer", "u"]];
  at("verdicts").replaceChildren(...choices.map(([verdict, text, key]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.verdict = verdict ?? "";
    button.disabled = !cell.counted;
    button.setAttribute("aria-pressed", cell.verdict === verdict);
    const kbd = document.createElement("kbd");
    kbd.textContent = key;
    button.append(text, kbd);
    button.onclick = () => overrule(verdict);
    return button;
  }));
}

export function overrule(verdict) {
  if (picked !== null) send(`/api/cells/${picked}`, { verdict });
}
