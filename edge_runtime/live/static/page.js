// Puts the page together: stream to picture, count and cells; keys; dark and light.
import { overrule, pick, pickedNumber, showCells, step, verdicts } from "./cells.js";
import { beginAnew, showCount, startOrStop, wireCount } from "./count.js";
import { TAKEN_OUT } from "./marks.js";
import { draw, legend, onPick } from "./picture.js";
import { say } from "./send.js";
import { connect } from "./stream.js";

const at = (id) => document.getElementById(id);
const OLD_S = 3;
let labels = [], run = null;

function showState(state) {
  run ??= state.run.id;
  // Started again: a number may mean another cell now.
  if (run !== state.run.id) return location.reload();
  if (!labels.length) {
    ({ labels } = state.model);
    legend(labels);
    at("model").textContent = `${state.model.name} · edge-classify ${state.model.version}`;
    at("notice").textContent = state.model.notice;
  }
  showCount(state.count, labels);
  showCells(state.last, labels);
  showGauges(state);
}

function showGauges({ run, camera }) {
  const { state, detail } = camera;
  at("camera").dataset.state = state;
  at("camera").title = [camera.source, detail].filter(Boolean).join(": ");
  at("camera").lastChild.textContent = state;
  at("fps").lastChild.textContent = run.fps ?? "\u2013";
  at("latency").lastChild.textContent = run.latency_ms === null ? "\u2013" : `${run.latency_ms} ms`;
  at("temperature").hidden = run.temperature_c === null;
  at("temperature").lastChild.textContent = `${run.temperature_c} \u00b0C`;
  const old = run.age_s > OLD_S;
  showProblem(run.problem || (detail ? `Camera: ${detail}` : ""));
  at("stage").classList.toggle("old", old);
  at("waiting").hidden = !old && run.frames > 0;
  at("waiting").textContent = run.frames ? `No new picture for ${Math.round(run.age_s)} s` : "Waiting for a picture\u2026";
}

function showProblem(text) {
  if (at("problem").textContent !== text) at("problem").textContent = text;
  at("problem").hidden = !text;
}

function lost() {
  showProblem("No connection to edge-classify; trying again.");
  at("stage").classList.add("old");
  at("camera").dataset.state = "lost";
  at("camera").lastChild.textContent = "unknown";
}

function turnTheme(to) {
  document.documentElement.dataset.theme = to;
  try { localStorage.setItem("theme", to); } catch { /* a browser that keeps nothing */ }
}

function firstTheme() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
document.documentElement.dataset.theme = firstTheme() ?? (dark.matches ? "dark" : "light");
dark.addEventListener("change", () => { document.documentElement.dataset.theme = firstTheme() ?? (dark.matches ? "dark" : "light"); });
const otherTheme = () => turnTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

const KEYS = [
  [["s"], "start, stop or go on with the count", startOrStop],
  [["n"], "new count", beginAnew],
  [["l"], "name the slide", () => { at("slide").focus(); at("slide").select(); }],
  [["ArrowLeft"], "pick a newer cell", () => step(-1)],
  [["ArrowRight"], "pick an older cell", () => step(1)],
  [["1", "2", "3"], "the picked cell is the first, second, … label", (key) => labels[key - 1] && overrule(labels[key - 1])],
  [["x"], "take the picked cell out", () => overrule(TAKEN_OUT)],
  [["u"], "the model's answer stands again", () => overrule(null)],
  [["Escape"], "let go of the picked cell", () => pick(null)],
  [["d"], "dark or light", otherTheme],
  [["?"], "these keys", () => at("keys").showModal()],
];

function listKeys() {
  const names = { ArrowLeft: "\u2190", ArrowRight: "\u2192", Escape: "Esc" };
  at("key-list").replaceChildren(...KEYS.flatMap(([keys, text]) => {
    const term = document.createElement("dt");
    const key = term.appendChild(document.createElement("kbd"));
    key.textContent = keys.map((one) => names[one] ?? one).join(" ");
    const meaning = document.createElement("dd");
    meaning.textContent = text;
    return [term, meaning];
  }));
}

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "radio";
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const found = KEYS.find(([keys]) => keys.includes(event.key));
  if (!found) return;
  event.preventDefault();
  found[2](event.key);
});

// A refused export answers with a reason, which belongs on this page.
at("training").addEventListener("click", async (event) => {
  event.preventDefault();
  const answer = await fetch("/api/overruled.zip");
  if (!answer.ok) {
    say((await answer.json()).error);
    return;
  }
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(await answer.blob()), download: "overruled.zip" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});

at("theme").onclick = otherTheme;
at("help").onclick = () => at("keys").showModal();
wireCount();
onPick(pick);
listKeys();
connect({
  onPicture: (shot) => draw(shot, { labels, verdicts: verdicts(), picked: pickedNumber() }),
  onState: showState,
  onLost: lost,
});
