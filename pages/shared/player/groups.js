// All groups of a network beside each other: each a bar of its units by their SNR, the kept ones below, one outlined.

import { colourOf } from "../js/colours.js";
import { levelsAt } from "./film.js";

export function groupsPicture(run, index, { select } = {}) {
  const levels = run.layers.map((layer) => new Uint8Array(layer.units));
  const counts = new Uint16Array(256);
  let box = { step: 1, high: 1 };

  function draw({ ctx, width, height }, theme, moment) {
    box = { step: width / run.layers.length, high: height - 6 };
    run.layers.forEach((layer, at) => {
      counts.fill(0);
      for (const level of levelsAt(run, layer, moment, levels[at])) counts[level] += 1;
      let bottom = height - 3;
      for (let level = 255; level >= 0; level -= 1) {
        if (!counts[level]) continue;
        const top = bottom - (box.high * counts[level]) / layer.units;
        ctx.fillStyle = colourOf(theme, level);
        ctx.fillRect(at * box.step + 1, Math.round(top), box.step - 2, Math.round(bottom) - Math.round(top));
        bottom = top;
      }
    });
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = 2;
    ctx.strokeRect(index * box.step + 1, 2, box.step - 2, height - 4);
  }

  const at = (x) => Math.min(Math.max(Math.floor(x / box.step), 0), run.layers.length - 1);

  function hover(x) {
    const { title, units, word } = run.layers[at(x)];
    const kept = levels[at(x)].reduce((sum, level) => sum + (level >= run.scale.one), 0);
    return `${title}: ${kept.toLocaleString("en")} of ${units.toLocaleString("en")} ${word} with SNR ≥ 1`;
  }

  const grid = () => ({ rows: 1, columns: run.layers.length, start: [0, index], box: (_, column) => [column * box.step, 0, box.step, box.high + 6] });
  const click = select ? (x) => select(at(x)) : null;
  return { draw, hover, click, grid, title: () => `All ${run.layers.length} groups, their units by SNR; below: ${run.layers[index].title}` };
}
