// The four sliders with their number boxes.
import { element } from "../../shared/js/dom.js";
import { LIMITS } from "./view.js";
import { plain } from "./words.js";

const logOf = { to: Math.log, from: Math.exp };
const asIs = { to: (x) => x, from: (x) => x };

const CONTROLS = [
  { name: "mu", note: "centre of log theta", step: 0.01, key: 0.1, ...asIs, range: ({ a, b }) => [a - LIMITS.reach, b + LIMITS.reach] },
  { name: "sigma", note: "its spread, before the cut", step: 0.01, key: 0.1, ...logOf, range: () => LIMITS.sigma },
  { name: "a", note: "lower end of log theta", step: 0.1, key: 0.5, ...asIs, range: ({ b }) => [LIMITS.a[0], Math.min(LIMITS.a[1], b - LIMITS.gap)] },
  { name: "b", note: "upper end", step: 0.1, key: 0.5, ...asIs, range: ({ a }) => [Math.max(LIMITS.b[0], a + LIMITS.gap), LIMITS.b[1]] },
];

// The slider's own ends do not move while a and b do, so that its thumb stays under the finger.
const track = ({ name, to }, view) =>
  name === "mu" ? [view.a - LIMITS.reach, view.b + LIMITS.reach] : LIMITS[name].map(to);

export function buildControls(root, gate) {
  const box = root.querySelector(".sliders");
  const hint = root.querySelector(".hint");
  for (const control of CONTROLS) {
    const { name, note, step, key, to, from } = control;
    const label = element("label", { htmlFor: `range-${name}` }, name, element("small", { textContent: note }));
    const number = element("input", { type: "text", inputMode: "decimal", "aria-label": `${name}, as a number`, autocomplete: "off" });
    const range = element("input", { type: "range", id: `range-${name}`, step: String(step) });
    box.append(element("div", { className: "control", "data-control": name }, label, number, range));

    range.oninput = () => {
      gate.stopMoving();
      gate.set({ [name]: from(Number(range.value)) });
    };
    range.onchange = () => gate.release();
    // The browser's own step of a slider is too fine for the keyboard.
    range.onkeydown = (event) => nudge(event, { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 });
    number.onkeydown = (event) => {
      if (event.key === "Enter") number.onchange();
      nudge(event, { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 });
    };
    number.onchange = () => {
      const [low, high] = control.range(gate.view);
      const value = Number(number.value.replace("−", "-").replace(",", "."));
      const good = number.value.trim() !== "" && value >= low - 1e-9 && value <= high + 1e-9;
      hint.textContent = good ? "" : `${name} = ${number.value.slice(0, 12)}: expected a number from ${plain(low)} to ${plain(high)}. Still ${plain(gate.view[name])}.`;
      gate.stopMoving();
      if (good) {
        gate.set({ [name]: value });
        gate.release();
      } else {
        number.value = plain(gate.view[name]);
      }
    };
    number.onfocus = () => number.select();

    function nudge(event, moves) {
      if (!(event.key in moves)) return;
      event.preventDefault();
      gate.stopMoving();
      gate.set({ [name]: from(to(gate.view[name]) + moves[event.key] * key * (event.shiftKey ? 10 : 1)) });
      clearTimeout(gate.soon);
      gate.soon = setTimeout(() => gate.release(), 250);
    }
  }
}

export function updateControls(root, view) {
  for (const control of CONTROLS) {
    const { name, to } = control;
    const row = root.querySelector(`[data-control="${name}"]`);
    const [number, range] = row.querySelectorAll("input");
    const [low, high] = track(control, view);
    [range.min, range.max] = [low, high];
    range.value = to(view[name]);
    range.setAttribute("aria-valuetext", plain(view[name]));
    const words = plain(view[name]);
    if (number.getRootNode().activeElement !== number || number.dataset.shown !== words) number.value = words;
    number.dataset.shown = words;
  }
}
