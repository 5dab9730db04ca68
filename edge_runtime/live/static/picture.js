// Draws the picture and, exactly over it, an outline around each cell.
import { kindOf, shapeOf, shown, svg } from "./marks.js";

const canvas = document.getElementById("picture");
const overlay = document.getElementById("outlines");
const stage = document.getElementById("stage");
const TAG_HEIGHT = 20, TAG_PADDING = 12, CORNER = 6;

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = "600 13px system-ui, sans-serif";

export async function draw(shot, { labels, verdicts, picked }) {
  const bitmap = await createImageBitmap(shot.jpeg);
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    stage.style.setProperty("--ratio", shot.width / shot.height);
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  stage.dataset.frame = shot.frame;
  overlay.setAttribute("viewBox", `0 0 ${shot.width} ${shot.height}`);
  const scale = shot.width / (canvas.offsetWidth || shot.width);
  const there = new Map([...overlay.children].map((element) => [element.dataset.key, element]));
  overlay.replaceChildren(...shot.outlines.map((outline, i) => {
    const cell = { ...outline, verdict: verdicts.get(outline.number) ?? null };
    const key = String(outline.number ?? `place ${i}`);
    return update(there.get(key) ?? make(key), cell, labels, { scale, picked: picked === outline.number, width: shot.width });
  }));
}

// An outline stays the same element from picture to picture, or no click would ever find it.
function make(key) {
  return svg("g", { "data-key": key }, svg("path", { class: "area" }), svg("path", { class: "outline halo" }),
    svg("path", { class: "outline ink" }), svg("g", { class: "tag" }, svg("rect", { height: TAG_HEIGHT, rx: 5 }),
      svg("text", { x: TAG_PADDING / 2, y: 14.5 })));
}

function update(element, cell, labels, { scale, picked, width }) {
  const kind = kindOf(cell, labels);
  const [area, halo, ink, tag] = element.children;
  element.setAttribute("class", `cell ${kind}${picked ? " picked" : ""}`);
  element.dataset.number = cell.number ?? "";
  for (const path of [area, halo, ink]) path.setAttribute("d", shapeAround(cell, scale));
  if (kind === "skipped") tag.setAttribute("visibility", "hidden");
  else label(tag, cell, kind, { scale, width });
  return element;
}

function shapeAround({ points, box: [x, y, w, h] }, scale) {
  if (points.length) return `M${points.map((point) => point.join(" ")).join("L")}Z`;
  const r = Math.min(CORNER * scale, w / 2, h / 2);
  const corner = (dx, dy) => `a${r} ${r} 0 0 1 ${dx} ${dy}`;
  return `M${x + r} ${y}h${w - 2 * r}${corner(r, r)}v${h - 2 * r}${corner(-r, r)}h${2 * r - w}${corner(-r, -r)}v${2 * r - h}${corner(r, -r)}Z`;
}

// Text keeps its size on the screen, whatever the size of the picture.
function label(tag, cell, kind, { scale, width }) {
  const name = shown(cell.verdict ?? cell.label ?? "");
  const number = cell.verdict ? "" : ` ${cell.probability.toFixed(2)}`;
  const text = kind === "unsure" ? `${name}?${number}` : `${shapeOf(kind)} ${name}${number}`;
  const wide = ruler.measureText(text).width + TAG_PADDING;
  const [x, y] = cell.box;
  const left = Math.max(0, Math.min(x, width - wide * scale));
  const above = y - (TAG_HEIGHT + 3) * scale;
  tag.removeAttribute("visibility");
  tag.setAttribute("transform", `translate(${left} ${above < 0 ? y : above}) scale(${scale})`);
  tag.firstChild.setAttribute("width", wide);
  if (tag.lastChild.textContent !== text) tag.lastChild.textContent = text;
}

export function onPick(pick) {
  overlay.addEventListener("click", ({ target }) => {
    const number = Number(target.closest("g.cell")?.dataset.number);
    if (number) pick(number);
  });
}

export function legend(labels) {
  const line = (kind) => svg("svg", { viewBox: "0 0 38 11", "aria-hidden": "true" },
    svg("g", { class: kind }, svg("line", { x1: 2, x2: 36, y1: 5.5, y2: 5.5, class: "ink" })));
  const entries = [...labels.map((label) => [kindOf({ status: "ok", label }, labels), shown(label)]),
    ["unsure", "uncertain"], ["skipped", "skipped"]];
  document.getElementById("legend").replaceChildren(...entries.map(([kind, text]) => {
    const item = document.createElement("li");
    item.append(line(kind), text);
    return item;
  }));
}
