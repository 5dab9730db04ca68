// How each answer is marked: a shape, a line and a colour, so that colour alone never has to tell.
const PLACES = ["first", "second", "third"];
const SHAPES = { first: "\u25b2", second: "\u25cf", third: "\u25a0", unsure: "?", skipped: "\u2013" };

export const TAKEN_OUT = "out";

export function shown(label) {
  return label.length <= 4 ? label.toUpperCase() : label;
}

export function placeOf(label, labels) {
  return PLACES[labels.indexOf(label) % PLACES.length] ?? "unsure";
}

// What something counts as: its class in the style sheet.
export function kindOf(cell, labels) {
  if (cell.verdict === TAKEN_OUT || cell.status === "skipped" || cell.status === "error") return "skipped";
  if (cell.verdict) return placeOf(cell.verdict, labels);
  return cell.status === "ok" ? placeOf(cell.label, labels) : "unsure";
}

export function mark(kind) {
  const element = document.createElement("span");
  element.className = "mark";
  element.setAttribute("aria-hidden", "true");
  element.textContent = SHAPES[kind];
  return element;
}

export function shapeOf(kind) {
  return SHAPES[kind];
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
