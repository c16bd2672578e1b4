// The units of a layer at one moment: an image of its pixels, maps of features, a grid of cells, or small multiples.

import { colourOf } from "../js/colours.js";
import { write } from "./canvas.js";
import { isKept, keptAt, levelsAt, logOf, placeOf, saySnr } from "./film.js";

const MULTIPLES = 64;

export function cellsPicture(run, index, { select } = {}) {
  const layer = run.layers[index];
  const levels = new Float32Array(layer.units);
  const { rows, columns, units } = layer.cells;
  // A pruned channel takes its features along: they are drawn faintly, whatever their own SNR.
  const parent = run.layers.find((other) => other.name === layer.parent);
  const above = parent && new Float32Array(parent.units);
  const lost = (unit) => Boolean(parent) && !isKept(run, above[Math.floor((unit * parent.units) / layer.units)]);
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pen = small.getContext("2d");
  const image = pen.createImageData(columns, rows);
  let box = { left: 0, top: 0, side: 1, high: 1 };

  function draw({ ctx, width, height }, theme, moment, chosen) {
    levelsAt(run, layer, moment, levels);
    if (parent) levelsAt(run, parent, moment, above);
    // In a small place a path is a smudge: there the cells are plain.
    const multiples = layer.units <= MULTIPLES && layer.shape.length === 1 && height / rows >= 14;
    const side = Math.min(width / columns, multiples ? width / columns : height / rows);
    const high = multiples ? Math.min(height / rows, side * 0.8) : side;
    box = { left: (width - side * columns) / 2, top: 2, side, high };
    if (multiples) {
      multiplesOf(ctx, theme, moment);
    } else {
      for (let at = 0; at < units.length; at += 1) {
        const unit = units[at];
        const c = 3 * Math.round(unit < 0 ? 0 : levels[unit]);
        image.data[4 * at] = theme.scale[c];
        image.data[4 * at + 1] = theme.scale[c + 1];
        image.data[4 * at + 2] = theme.scale[c + 2];
        image.data[4 * at + 3] = unit < 0 ? 0 : lost(unit) ? 60 : 255;
      }
      pen.putImageData(image, 0, 0);
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(small, box.left, box.top, side * columns, side * rows);
      if (side >= 5) lattice(ctx, theme);
    }
    if (chosen >= 0) outline(ctx, theme, chosen);
  }

  function lattice(ctx, theme) {
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = layer.shape.length === 2 ? 0.5 : 1;
    ctx.globalAlpha = layer.shape.length === 2 ? 0.6 : 1;
    ctx.beginPath();
    for (let column = 0; column <= columns; column += 1) {
      ctx.moveTo(box.left + column * box.side, box.top);
      ctx.lineTo(box.left + column * box.side, box.top + rows * box.high);
    }
    for (let row = 0; row <= rows; row += 1) {
      ctx.moveTo(box.left, box.top + row * box.high);
      ctx.lineTo(box.left + columns * box.side, box.top + row * box.high);
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  // Each unit with its own path so far; the dashed line is SNR = 1.
  function multiplesOf(ctx, theme, moment) {
    const frame = Math.floor(moment);
    const end = placeOf(run, run.total);
    const head = box.side > 50 && box.high > 40 ? 18 : 2;
    const at = (level, top, high) => top + high - 3 - ((logOf(run, level) + 0.6) / 2.9) * (high - 5 - head);
    for (let place = 0; place < units.length; place += 1) {
      const unit = units[place];
      if (unit < 0) continue;
      const left = box.left + (place % columns) * box.side + 2;
      const top = box.top + Math.floor(place / columns) * box.high + 2;
      const wide = box.side - 4;
      const high = box.high - 4;
      const kept = isKept(run, levels[unit]);
      ctx.fillStyle = colourOf(theme, levels[unit]);
      ctx.fillRect(left, top, wide, high);
      const strong = (levels[unit] > 150) !== theme.dark;
      const pen = strong ? "#ffffff" : theme.dark && levels[unit] > 150 ? "#0b1a26" : theme.text;
      ctx.strokeStyle = pen;
      ctx.globalAlpha = 0.45;
      ctx.setLineDash([2, 3]);
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(left, at(run.scale.one, top, high));
      ctx.lineTo(left + wide, at(run.scale.one, top, high));
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.globalAlpha = 0.9;
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      for (let f = 0; f <= frame; f += 1) {
        const y = Math.min(Math.max(at(layer.levels[f * layer.units + unit], top, high), top + head), top + high - 1);
        const x = left + 3 + (placeOf(run, run.epochs[f]) / end) * (wide - 6);
        if (f) ctx.lineTo(x, y);
        else ctx.moveTo(x, y);
      }
      ctx.stroke();
      ctx.globalAlpha = 1;
      if (head > 2) {
        write(ctx, theme, String(unit), left + 4, top + 4, { size: 11, base: "top", colour: pen, weight: 600 });
        if (wide > 66) write(ctx, theme, kept ? saySnr(run, levels[unit]) : "pruned", left + wide - 4, top + 4, { size: 11, base: "top", align: "right", colour: pen });
      }
    }
  }

  function outline(ctx, theme, unit) {
    const place = units.indexOf(unit);
    if (place < 0) return;
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = 2;
    ctx.strokeRect(box.left + (place % columns) * box.side + 1, box.top + Math.floor(place / columns) * box.high + 1, box.side - 2, box.high - 2);
  }

  function unitAt(x, y) {
    const column = Math.floor((x - box.left) / box.side);
    const row = Math.floor((y - box.top) / box.high);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return -1;
    return units[row * columns + column];
  }

  function hover(x, y) {
    const unit = unitAt(x, y);
    if (unit < 0) return "";
    const level = levels[unit];
    const place = layer.shape.length === 2 ? `row ${Math.floor(unit / layer.shape[1])}, column ${unit % layer.shape[1]}` : `${layer.kind} ${unit}`;
    return `${place}: SNR ${saySnr(run, level)}, ${!isKept(run, level) ? "pruned" : lost(unit) ? "pruned with its channel" : "kept"}`;
  }

  const click = select ? (x, y) => select(unitAt(x, y)) : null;
  const title = (moment, width) => {
    const [kept, all] = [keptAt(run, layer, moment), layer.units].map((n) => n.toLocaleString("en"));
    return width < 210 ? `${layer.title}: ${kept} of ${all}` : `${layer.title}: ${kept} of ${all} ${layer.word} kept`;
  };
  const cell = (row, column) => [box.left + column * box.side, box.top + row * box.high, box.side, box.high];
  const grid = () => ({ rows, columns, box: cell });
  return { draw, hover, click, title, grid };
}
