// The cell under the pointer, or under the arrow keys, in words.
import { walkCells } from "../../shared/js/cell_cursor.js";
import { snrOf } from "./film.js";
import { layout } from "./grid_canvas.js";
import { cellWords, isPixel } from "./words.js";

export function attachReadout(pixels, name) {
  const canvas = pixels.root.querySelector(`.${name} canvas`);
  const readout = pixels.root.querySelector(".readout");
  const cells = () => {
    const grid = name === "digit" ? pixels.grid : pixels.run.film.grid;
    return { grid, ...layout(grid, canvas.clientWidth, canvas.clientHeight) };
  };
  const read = (x, y) => {
    if (!pixels.now) return;
    const { film } = pixels.run;
    const { grid, at } = cells();
    const unit = x == null ? -1 : at(x, y);
    const { levels, keep, theta, lit, image, sees } = pixels.now;
    if (unit < 0) readout.textContent = "";
    else if (name === "digit" && !isPixel(film)) readout.textContent = `row ${Math.floor(unit / grid.length)}, column ${unit % grid.length}: ${image[unit].toFixed(2)}`;
    else {
      const facts = { snr: snrOf(film, levels[unit]), theta: theta[unit], keep: keep[unit], lit: lit ? lit[unit] > 0 : undefined };
      const value = name === "digit" ? `, intensity ${image[unit].toFixed(2)}` : name === "sees" && sees ? `, output ${(keep[unit] * sees[unit]).toFixed(2)}` : "";
      readout.textContent = cellWords(film, unit, facts) + value;
    }
  };
  canvas.addEventListener("pointermove", (event) => read(event.offsetX, event.offsetY));
  canvas.addEventListener("pointerleave", () => read(null));
  const box = (row, column) => {
    const { x, y } = cells();
    return [x(column), y(row), x(column + 1) - x(column), y(row + 1) - y(row)];
  };
  walkCells(canvas, () => pixels.now && { ...cells(), box }, { read });
}
