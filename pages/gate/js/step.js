// One training step in five stages: by buttons, by the arrow keys, or played slowly. Python computes the numbers.
import { element } from "../../shared/js/dom.js";
import { same } from "./view.js";
import { stepStages } from "./words.js";

const STAGE_MS = 2600;
const STAGES = 5;
const SLOWLY = "▶\uFE0E Play";

export function attachStep(root, gate) {
  const section = root.querySelector(".step");
  const names = [["back", "◀\uFE0E Back"], ["forth", "Next ▶\uFE0E"], ["slowly", SLOWLY]];
  const [back, forth, slowly] = names.map(([className, textContent]) => element("button", { type: "button", className, textContent }));
  root.querySelector(".walk").append(back, forth, slowly);
  gate.stage = 0;
  let playing = null;

  // After the last stage the gate takes the step; the next one comes from Python with the values' release.
  function go(by) {
    if (section.classList.contains("stale")) return;
    if (gate.stage + by < STAGES) {
      gate.stage = Math.max(gate.stage + by, 0);
      showStage(root, gate);
      root.querySelector(".spoken").textContent = root.querySelector(".step .now").textContent;
      return;
    }
    gate.drawNumber = gate.step.draw + 1;
    gate.set({ mu: gate.step.loc, sigma: Math.exp(gate.step.log_scale) });
    gate.release();
  }
  function pause() {
    clearInterval(playing);
    playing = null;
    slowly.textContent = SLOWLY;
    slowly.setAttribute("aria-pressed", "false");
  }
  const still = gate.stopMoving;
  gate.stopMoving = () => {
    still();
    pause();
  };
  back.onclick = () => { pause(); go(-1); };
  forth.onclick = () => { pause(); go(1); };
  slowly.onclick = () => {
    if (playing !== null) return pause();
    playing = setInterval(() => go(1), STAGE_MS);
    slowly.textContent = "❚❚ Pause";
    slowly.setAttribute("aria-pressed", "true");
  };
  section.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    pause();
    go(by);
  };
}

// Python sent another step: its rows are written, and it begins at its first stage.
export function receiveStep(root, gate, step) {
  if (JSON.stringify(step) === JSON.stringify(gate.step)) return;
  [gate.step, gate.stage] = [step, 0];
  const rows = stepStages(step).map(({ name, formulas, says }) => element(
    "li", {}, element("b", { textContent: name }), element("div", {}, ...formulas.map((line) => element("div", { textContent: line }))), element("p", { textContent: says }),
  ));
  root.querySelector(".step ol").replaceChildren(...rows);
  showStage(root, gate);
}

// A step of another gate than the one shown is dim until its own comes.
export function dimStep(root, gate) {
  root.querySelector(".step").classList.toggle("stale", !same(gate.step.view, gate.view));
}

function showStage(root, gate) {
  root.querySelectorAll(".step li").forEach((row, k) => {
    row.className = k === gate.stage ? "now" : k > gate.stage ? "later" : "";
  });
}
