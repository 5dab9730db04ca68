// The tally, the share with its interval, and the buttons that start, stop and begin anew.
import { mark, placeOf, shown, svg } from "./marks.js";
import { send } from "./send.js";

const at = (id) => document.getElementById(id);
const percent = (part) => `${(part * 100).toFixed(1)} %`;
let count;

export function showCount(next, labels) {
  const changed = JSON.stringify(count) !== JSON.stringify(next);
  count = next;
  if (!changed) return;
  at("counted").textContent = count.counted;
  at("target").textContent = count.target;
  at("state").textContent = count.state;
  at("state").dataset.state = count.state;
  at("note").textContent = count.note ? `Stopped: ${count.note}.` : "";
  at("start").firstChild.textContent = { ready: "Start", running: "Stop", stopped: "Go on" }[count.state];
  at("reset").disabled = count.state === "ready" && !count.slide;
  if (document.activeElement !== at("slide")) at("slide").value = count.slide;
  showBar(labels);
  showTable(labels);
  showShare(labels[0]);
  showTargets();
}

function showBar(labels) {
  at("bar").setAttribute("aria-valuemax", count.target);
  at("bar").setAttribute("aria-valuenow", count.counted);
  at("bar").replaceChildren(...labels.map((label) => {
    const part = document.createElement("i");
    part.className = placeOf(label, labels);
    part.style.width = `${(100 * count.decided[label]) / Math.max(count.target, count.counted)}%`;
    return part;
  }));
}

function showTable(labels) {
  const rows = [...labels.map((label) => [placeOf(label, labels), shown(label), count.decided[label], ""]),
    ["unsure", "uncertain", count.uncertain, ""], ["skipped", "skipped", count.skipped, ""]];
  if (count.overruled) rows.push(["", "overruled by a person", count.overruled, "quiet"]);
  if (count.taken_out) rows.push(["", "taken out by a person", count.taken_out, "quiet"]);
  at("tally").replaceChildren(...rows.map(([kind, name, cells, quiet]) => {
    const row = document.createElement("tr");
    row.className = `${kind} ${quiet}`.trim();
    const head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    if (kind) head.append(mark(kind), " ");
    head.append(name);
    row.appendChild(document.createElement("td")).textContent = cells;
    return row;
  }));
}

function showShare(first) {
  const { share } = count;
  const text = at("share-text");
  const line = (kind, from, to) => svg("line", { class: kind, x1: from * 200, x2: to * 200, y1: 13, y2: 13 });
  at("share").replaceChildren(line("axis", 0, 1));
  if (!share) {
    text.textContent = "No cell is decided yet.";
    return;
  }
  const strong = document.createElement("strong");
  strong.textContent = `${percent(share.value)} ${shown(first)}`;
  text.replaceChildren(strong, document.createElement("br"), `95 % interval ${percent(share.low)} to ${percent(share.high)}`);
  at("share").append(line("interval", share.low, share.high),
    svg("line", { class: "value", x1: share.value * 200, x2: share.value * 200, y1: 4, y2: 22 }));
}

function showTargets() {
  const box = at("targets");
  if (box.children.length === 1) {
    for (const target of count.targets) {
      const label = box.appendChild(document.createElement("label"));
      const input = label.appendChild(document.createElement("input"));
      Object.assign(input, { type: "radio", name: "target", value: target });
      input.onchange = () => send("/api/count", { target });
      label.appendChild(document.createElement("span")).textContent = target;
    }
  }
  for (const input of box.querySelectorAll("input")) input.checked = Number(input.value) === count.target;
}

export function startOrStop() {
  return send("/api/count", { action: count?.state === "running" ? "stop" : "start" });
}

export async function beginAnew() {
  if (!count || at("reset").disabled) return;
  const cells = count.counted + count.uncertain;
  at("anew-text").textContent = cells
    ? `${cells} cells and what you said of them are forgotten. Export them first if you need them.`
    : "The count is empty.";
  at("anew").returnValue = "";
  at("anew").showModal();
}

export function wireCount() {
  at("start").onclick = startOrStop;
  at("reset").onclick = beginAnew;
  at("anew").onclose = () => { if (at("anew").returnValue === "reset") send("/api/count", { action: "reset" }); };
  const slide = at("slide");
  slide.onchange = async () => { if (!await send("/api/count", { slide: slide.value })) slide.focus(); };
  slide.onkeydown = ({ key }) => { if (key === "Enter" || key === "Escape") slide.blur(); };
}
