// Draws the picture and, exactly over it, an outline around each cell.
import { kindOf, shapeOf, shown, svg } from "./marks.js";

const canvas = document.getElementById("picture");
const overlay = document.getElementById("outlines");
const stage = document.getElementById("stage");
const TAG_HEIGHT = 20, TAG_PADDING = 12;

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = "600 13px system-ui, sans-serif";

export async function draw(shot, { labels, verdicts, picked, onPick }) {
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
  overlay.replaceChildren(...shot.outlines.map((outline) => {
    const cell = { ...outline, verdict: verdicts.get(outline.number) ?? null };
    return group(cell, labels, { scale, picked: picked === outline.number, onPick, width: shot.width });
  }));
}

function group(cell, labels, { scale, picked, onPick, width }) {
  const kind = kindOf(cell, labels);
  const [x, y, w, h] = cell.box;
  const line = (role) => cell.points.length
    ? svg("polygon", { points: cell.points.map((point) => point.join(",")).join(" "), class: `outline ${role}` })
    : svg("rect", { x, y, width: w, height: h, rx: 6 * scale, class: `outline ${role}` });
  const element = svg("g", { class: `cell ${kind}${picked ? " picked" : ""}`, "data-number": cell.number ?? "" },
    svg("rect", { x, y, width: w, height: h, class: "area" }), line("halo"), line("ink"));
  if (kind !== "skipped") element.append(tag(cell, kind, { x, y, scale, width }));
  if (cell.number) element.addEventListener("click", () => onPick(cell.number));
  return element;
}

// Text keeps its size on the screen, whatever the size of the picture.
function tag(cell, kind, { x, y, scale, width }) {
  const label = shown(cell.verdict ?? cell.label ?? "");
  const doubt = kind === "unsure" ? "" : `${shapeOf(kind)} `;
  const number = cell.verdict ? "" : ` ${cell.probability.toFixed(2)}`;
  const text = `${doubt}${label}${kind === "unsure" ? "?" : ""}${number}`;
  const wide = ruler.measureText(text).width + TAG_PADDING;
  const left = Math.max(0, Math.min(x, width - wide * scale));
  const top = y - (TAG_HEIGHT + 3) * scale < 0 ? y : y - (TAG_HEIGHT + 3) * scale;
  return svg("g", { class: "tag", transform: `translate(${left} ${top}) scale(${scale})` },
    svg("rect", { width: wide, height: TAG_HEIGHT, rx: 5 }),
    svg("text", { x: TAG_PADDING / 2, y: 14.5 }, text));
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
