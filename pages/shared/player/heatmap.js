// Units by epochs: every unit of a layer is a row, every epoch a column, the colour is the SNR.

import { between, epochAxis, playhead, write } from "./canvas.js";
import { sayEpoch, saySnr } from "./film.js";

export function heatmapPicture(run, index, { select } = {}) {
  const layer = run.layers[index];
  const sheet = document.createElement("canvas");
  sheet.width = run.frames;
  sheet.height = layer.units;
  let painted = null;
  let place = null;

  // Painted once a theme; a frame of the film is then one stretched copy.
  function paint(theme) {
    if (painted === theme.scale) return;
    painted = theme.scale;
    const pen = sheet.getContext("2d");
    const image = pen.createImageData(run.frames, layer.units);
    for (let row = 0; row < layer.units; row += 1) {
      for (let frame = 0; frame < run.frames; frame += 1) {
        const c = 3 * layer.levels[frame * layer.units + layer.order[row]];
        const at = 4 * (row * run.frames + frame);
        image.data[at] = theme.scale[c];
        image.data[at + 1] = theme.scale[c + 1];
        image.data[at + 2] = theme.scale[c + 2];
        image.data[at + 3] = 255;
      }
    }
    pen.putImageData(image, 0, 0);
  }

  function draw({ ctx, width, height }, theme, moment, chosen) {
    paint(theme);
    const box = { left: 40, top: 4, width: width - 48, bottom: height - 36 };
    const high = box.bottom - box.top;
    const x = epochAxis(ctx, theme, box, run, 0, run.total + 1);
    // What was true after an epoch holds until the next frame, so every column reaches to there.
    const edge = (frame) => x(frame < run.frames ? run.epochs[frame] : Math.floor(run.epochs[run.frames - 1]) + 1);
    ctx.imageSmoothingEnabled = false;
    for (let frame = 0; frame < run.frames; frame += 1) {
      ctx.drawImage(sheet, frame, 0, 1, layer.units, edge(frame), box.top, edge(frame + 1) - edge(frame) + 0.4, high);
    }
    const now = between(run, x, moment);
    const seen = Math.min(edge(Math.floor(moment) + 1), box.left + box.width);
    ctx.globalAlpha = 0.82;
    ctx.fillStyle = theme.background;
    ctx.fillRect(seen, box.top, box.left + box.width - seen + 1, high);
    ctx.globalAlpha = 1;
    playhead(ctx, theme, box, now);
    if (chosen >= 0) {
      const row = layer.order.indexOf(chosen);
      const thick = Math.max(high / layer.units, 3);
      ctx.strokeStyle = theme.text;
      ctx.lineWidth = 1.5;
      ctx.strokeRect(box.left, box.top + (row * high) / layer.units - 0.5, box.width, thick);
    }
    ctx.save();
    ctx.translate(12, box.top + high / 2);
    ctx.rotate(-Math.PI / 2);
    write(ctx, theme, `${layer.units.toLocaleString("en")} ${layer.word}, ${run.sorted}`, 0, 0, { size: 12, align: "center", base: "middle", colour: theme.colours.reference });
    ctx.restore();
    place = { box, high, edge };
  }

  function find(px, py) {
    if (!place) return null;
    const row = Math.floor(((py - place.box.top) / place.high) * layer.units);
    if (row < 0 || row >= layer.units || px < place.box.left) return null;
    let frame = 0;
    while (frame < run.frames - 1 && place.edge(frame + 1) <= px) frame += 1;
    if (px > place.edge(run.frames)) return null;
    return { unit: layer.order[row], frame };
  }

  function hover(px, py) {
    const at = find(px, py);
    if (!at) return "";
    const level = layer.levels[at.frame * layer.units + at.unit];
    return `${layer.kind} ${at.unit} at ${sayEpoch(run, run.epochs[at.frame])}: SNR ${saySnr(run, level)}, ${level >= run.scale.one ? "kept" : "pruned"}`;
  }

  const click = select ? (px, py) => select(find(px, py)?.unit ?? -1) : null;
  const thick = () => place.high / layer.units;
  const cell = (row, frame) => [place.edge(frame), place.box.top + row * thick(), place.edge(frame + 1) - place.edge(frame), thick()];
  const grid = () => place && { rows: layer.units, columns: run.frames, box: cell };
  return { draw, hover, click, grid, title: () => `${layer.title}: SNR of every ${layer.kind} by epoch` };
}
