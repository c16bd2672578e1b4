// The network as bars that shrink to the units it keeps, joined by bands as wide as the bars at their ends.

import { colourOf } from "../js/colours.js";
import { lines, write } from "./canvas.js";
import { isKept, keptAt, levelsAt } from "./film.js";

export function networkPicture(run) {
  const scratch = run.layers.map((layer) => new Float32Array(layer.units));
  const byLevel = new Uint16Array(256);
  const columns = run.layers.map((layer) => ({ units: layer.units, title: layer.title, word: layer.word }));
  columns.push({ units: run.outputs, title: "Output", word: "classes" });
  const tallest = Math.max(...columns.map((column) => column.units));

  function draw({ ctx, width, height }, theme, moment) {
    const top = 46;
    const narrow = width < 380;
    const step = width / columns.length;
    // Many layers: the names and numbers stand closer than they are wide, so they are written short and small.
    const tight = step < 48;
    const bar = tight ? Math.max(6, Math.min(24, step * 0.6)) : Math.max(16, Math.min(40, width / 13));
    const pad = tight ? step / 2 : narrow ? 26 : 40;
    const short = (title) => title.replace("Conv ", "").replace("Features", "F").replace("Dense ", "D").replace("Output", "Out");
    // Names that are wider than their place take more lines; where one word is too wide, all stand upright.
    const size = tight ? Math.max(9, Math.min(12, step * 0.34)) : 12;
    const names = columns.map(({ title }) => lines(ctx, theme, tight ? short(title) : narrow ? title.replace("Features", "Feat.") : title, size, step - 5));
    const upright = names.flat().some((line) => ctx.measureText(line).width > step - 1);
    const below = upright ? 84 : 14 + (size + 1) * Math.max(...names.map((name) => name.length));
    const room = height - top - below;
    const x = (i) => pad + (i * (width - 2 * pad)) / (columns.length - 1) - bar / 2;
    const middle = top + room / 2;
    // Heights go with the root of the number of units, so that 20 channels are seen beside 800 features.
    const full = columns.map((column) => Math.max(10, room * Math.sqrt(column.units / tallest)));
    const counts = run.layers.map((layer) => keptAt(run, layer, moment));
    const shown = full.map((h, i) => (i < counts.length ? (h * counts[i]) / columns[i].units : h));

    ctx.globalAlpha = theme.dark ? 0.3 : 0.2;
    ctx.fillStyle = theme.colours.kept;
    for (let i = 0; i < columns.length - 1; i += 1) {
      ctx.beginPath();
      ctx.moveTo(x(i) + bar, middle - shown[i] / 2);
      ctx.lineTo(x(i + 1), middle - shown[i + 1] / 2);
      ctx.lineTo(x(i + 1), middle + shown[i + 1] / 2);
      ctx.lineTo(x(i) + bar, middle + shown[i] / 2);
      ctx.fill();
    }
    ctx.globalAlpha = 1;

    columns.forEach((column, i) => {
      const y = middle - full[i] / 2;
      if (i < run.layers.length) {
        ctx.fillStyle = colourOf(theme, 40);
        ctx.fillRect(x(i), y, bar, full[i]);
        ctx.strokeStyle = theme.dark ? "rgba(232,135,58,.45)" : "rgba(213,94,0,.35)";
        ctx.setLineDash([3, 3]);
        ctx.strokeRect(x(i) + 0.5, y + 0.5, bar - 1, full[i] - 1);
        ctx.setLineDash([]);
        stack(ctx, theme, run.layers[i], scratch[i], moment, x(i), middle, bar, shown[i], counts[i]);
      } else {
        ctx.fillStyle = theme.colours.reference;
        ctx.fillRect(x(i), y, bar, full[i]);
      }
      const centre = x(i) + bar / 2;
      const kept = i < run.layers.length ? counts[i] : column.units;
      name(ctx, theme, names[i], size, centre, height - below + 18, upright);
      if (tight) {
        const small = Math.max(9, Math.min(14, step * 0.38));
        write(ctx, theme, String(kept), centre, 22 + 12 * (i % 2) * (step < 26), { size: small, weight: 700, align: "center", colour: i < run.layers.length ? theme.colours.kept : theme.text });
        return;
      }
      write(ctx, theme, kept.toLocaleString("en"), centre, 22, { size: narrow ? 17 : 22, weight: 700, align: "center", colour: i < run.layers.length ? theme.colours.kept : theme.text });
      const of = i < run.layers.length ? `of ${column.units.toLocaleString("en")}` : "";
      write(ctx, theme, of, centre, 38, { size: 12, align: "center", colour: theme.colours.reference });
    });
  }

  function name(ctx, theme, parts, size, x, y, upright) {
    if (!upright) {
      parts.forEach((part, at) => write(ctx, theme, part, x, y + at * (size + 1), { size, align: "center" }));
      return;
    }
    ctx.save();
    ctx.translate(x, y - 12);
    ctx.rotate(-Math.PI / 2);
    write(ctx, theme, parts.join(" "), 0, 0, { size, align: "right", base: "middle" });
    ctx.restore();
  }

  // The kept units of a layer as a stack of their SNR colours, most certain in the middle of the network's flow.
  function stack(ctx, theme, layer, levels, moment, x, middle, bar, size, kept) {
    if (size < 0.4 || kept <= 0) return;
    if (!run.noise) {
      ctx.fillStyle = theme.colours.kept;
      ctx.fillRect(x, middle - size / 2, bar, size);
      return;
    }
    levelsAt(run, layer, moment, levels);
    byLevel.fill(0);
    let total = 0;
    for (let unit = 0; unit < layer.units; unit += 1) {
      if (isKept(run, levels[unit])) {
        byLevel[Math.round(levels[unit])] += 1;
        total += 1;
      }
    }
    let y = middle - size / 2;
    for (let level = 255; level >= run.scale.one - 1 && total; level -= 1) {
      if (!byLevel[level]) continue;
      const part = (size * byLevel[level]) / total;
      ctx.fillStyle = colourOf(theme, Math.max(level, run.scale.one));
      ctx.fillRect(x, y, bar, part + 0.6);
      y += part;
    }
  }

  return { draw, title: () => "The network, layer by layer: units kept" };
}
