// What the page moves by itself: gliding to a preset, and one unit from its initialisation until it is pruned.
import { PRESETS, between, same } from "./view.js";
import { element } from "../../shared/js/dom.js";

const GLIDE_MS = 450;
const WALK_MS = 9000;
const WALK = ["initial", "useful", "nearly", "pruned"].map((id) => PRESETS.find((preset) => preset.id === id).view);
const PLAY = "▶\uFE0E Watch a unit being pruned";
const PAUSE = "❚❚ Pause";

const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const smooth = (t) => t * t * (3 - 2 * t);

export function attachAnimation(root, gate) {
  const play = root.querySelector(".play");
  play.textContent = PLAY;

  // Runs step(share) once a frame until share is 1, then tells Python.
  function run(duration, step, then = () => {}) {
    gate.stopMoving();
    const start = performance.now();
    const frame = (now) => {
      // The first frame's time may lie before the click that asked for it.
      const share = Math.min(Math.max((now - start) / duration, 0), 1);
      gate.set(step(share));
      if (share < 1) {
        gate.moving = requestAnimationFrame(frame);
        return;
      }
      gate.moving = null;
      then();
      gate.release();
    };
    gate.moving = requestAnimationFrame(frame);
  }

  gate.stopMoving = () => {
    cancelAnimationFrame(gate.moving);
    gate.moving = null;
    play.textContent = PLAY;
    play.setAttribute("aria-pressed", "false");
  };

  for (const { id, label, view } of PRESETS) {
    const button = element("button", { type: "button", textContent: label, "data-preset": id, "aria-pressed": "false" });
    button.onclick = () => {
      const from = { ...gate.view };
      run(still() ? 1 : GLIDE_MS, (share) => (share === 1 ? view : between(from, view, smooth(share))));
    };
    root.querySelector(".presets").append(button);
  }

  play.onclick = () => {
    if (play.getAttribute("aria-pressed") === "true") {
      gate.stopMoving();
      gate.release();
      return;
    }
    run(WALK_MS, (share) => {
      const along = share * (WALK.length - 1);
      const leg = Math.min(Math.floor(along), WALK.length - 2);
      return between(WALK[leg], WALK[leg + 1], along - leg);
    }, gate.stopMoving);
    play.textContent = PAUSE;
    play.setAttribute("aria-pressed", "true");
  };
}

export function updateAnimation(root, view) {
  for (const button of root.querySelectorAll("[data-preset]")) {
    const preset = PRESETS.find(({ id }) => id === button.dataset.preset);
    button.setAttribute("aria-pressed", String(same(preset.view, view)));
  }
}
