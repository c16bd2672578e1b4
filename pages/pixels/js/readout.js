// The cell under the pointer, in words.
import { snrOf } from "./film.js";
import { layout } from "./grid_canvas.js";
import { cellWords, isPixel } from "./words.js";

export function attachReadout(pixels, name) {
  const canvas = pixels.root.querySelector(`.${name} canvas`);
  const readout = pixels.root.querySelector(".readout");
  canvas.addEventListener("pointermove", (event) => {
    if (!pixels.now) return;
    const { film } = pixels.run;
    const grid = name === "digit" ? pixels.grid : film.grid;
    const unit = layout(grid, canvas.clientWidth, canvas.clientHeight).at(event.offsetX, event.offsetY);
    const { levels, keep, theta, lit, image, sees } = pixels.now;
    if (unit < 0) readout.textContent = "";
    else if (name === "digit" && !isPixel(film)) readout.textContent = `row ${Math.floor(unit / grid.length)}, column ${unit % grid.length}: ${image[unit].toFixed(2)}`;
    else {
      const facts = { snr: snrOf(film, levels[unit]), theta: theta[unit], keep: keep[unit], lit: lit ? lit[unit] > 0 : undefined };
      const value = name === "digit" ? `, intensity ${image[unit].toFixed(2)}` : name === "sees" && sees ? `, output ${(keep[unit] * sees[unit]).toFixed(2)}` : "";
      readout.textContent = cellWords(film, unit, facts) + value;
    }
  });
  canvas.addEventListener("pointerleave", () => (readout.textContent = ""));
}
