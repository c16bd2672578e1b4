// The (mu, sigma) map: SNR as colour, KL as contours, the line SNR = 1, and this gate as a point to drag.
import { COARSE, klAt, snrAt } from "./maths.js";
import { channelsOf } from "../../shared/js/colours.js";
import { ticks } from "../../shared/js/numbers.js";
import { box, dot, linear, segment, text, xAxis } from "./plot.js";
import { gateColour } from "./density.js";
import { num, plain } from "./words.js";

export const LOG_SIGMA = [-8, 5];
export const MU_REACH = 5;
const SIGMAS = [0.001, 0.01, 0.1, 1, 10, 100];
const KL_LEVELS = [0.01, 0.1, 1, 3, 5, 7, 9];

// log10 SNR and KL on a grid of the whole box; two sizes, so that dragging a or b stays quick.
export function computeGrid({ a, b }, columns, rows) {
  const snr = new Float64Array(columns * rows);
  const kl = new Float64Array(columns * rows);
  for (let j = 0; j < rows; j++) {
    const sigma = Math.exp(LOG_SIGMA[0] + ((LOG_SIGMA[1] - LOG_SIGMA[0]) * j) / (rows - 1));
    for (let i = 0; i < columns; i++) {
      const mu = a - MU_REACH + ((b - a + 2 * MU_REACH) * i) / (columns - 1);
      snr[j * columns + i] = Math.log10(snrAt(mu, sigma, a, b, COARSE));
      kl[j * columns + i] = klAt(mu, sigma, a, b, COARSE);
    }
  }
  return { a, b, columns, rows, snr, kl };
}

// 512 colours of the SNR scale, split hard at log10 SNR = 0 and never mixed across it.
export function colourTable(stops) {
  const [low, high] = [stops[0][0], stops[stops.length - 1][0]];
  const table = new Uint8ClampedArray(512 * 3);
  for (let k = 0; k < 512; k++) {
    const value = low + ((high - low) * k) / 511;
    const side = stops.filter(([at], index) => (value < 0 ? at < 0 || index === 1 : at > 0 || index === 2));
    let i = 0;
    while (i < side.length - 2 && side[i + 1][0] < value) i++;
    const [[x0, c0], [x1, c1]] = [side[i], side[i + 1]];
    const share = Math.min(Math.max((value - x0) / (x1 - x0), 0), 1);
    const [from, to] = [channelsOf(c0), channelsOf(c1)];
    for (let c = 0; c < 3; c++) table[3 * k + c] = from[c] + share * (to[c] - from[c]);
  }
  return { table, low, high };
}

// The grid as a picture of `width` x `height` pixels, interpolated before it is coloured so that SNR = 1 is sharp.
export function paintRaster(grid, colours, width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const { columns, rows, snr } = grid;
  const { table, low, high } = colours;
  let at = 0;
  for (let v = 0; v < height; v++) {
    const gy = ((height - 0.5 - v) / height) * (rows - 1);
    const j = Math.min(Math.floor(gy), rows - 2);
    const fy = gy - j;
    for (let u = 0; u < width; u++) {
      const gx = ((u + 0.5) / width) * (columns - 1);
      const i = Math.min(Math.floor(gx), columns - 2);
      const fx = gx - i;
      const p = j * columns + i;
      const lower = snr[p] + fx * (snr[p + 1] - snr[p]);
      const upper = snr[p + columns] + fx * (snr[p + columns + 1] - snr[p + columns]);
      const value = lower + fy * (upper - lower);
      let k = Math.round(((value - low) / (high - low)) * 511);
      k = Math.min(Math.max(k, 0), 511);
      // The table's cell that straddles 0 belongs to the side the value is on.
      if (value >= 0 && low + ((high - low) * k) / 511 < 0) k++;
      if (value < 0 && low + ((high - low) * k) / 511 >= 0) k--;
      image.data[at++] = table[3 * k];
      image.data[at++] = table[3 * k + 1];
      image.data[at++] = table[3 * k + 2];
      image.data[at++] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// Marching squares: the level's line pieces in grid coordinates, [x0, y0, x1, y1] each.
export function contour(values, columns, rows, level) {
  const pieces = [];
  for (let j = 0; j < rows - 1; j++) {
    for (let i = 0; i < columns - 1; i++) {
      const p = j * columns + i;
      const corner = [values[p], values[p + 1], values[p + columns + 1], values[p + columns]];
      const at = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const cuts = [];
      for (let e = 0; e < 4; e++) {
        const [v0, v1] = [corner[e], corner[(e + 1) % 4]];
        if (v0 < level === v1 < level) continue;
        const share = (level - v0) / (v1 - v0);
        const [[x0, y0], [x1, y1]] = [at[e], at[(e + 1) % 4]];
        cuts.push([x0 + share * (x1 - x0), y0 + share * (y1 - y0)]);
      }
      for (let k = 0; k + 1 < cuts.length; k += 2) pieces.push([...cuts[k], ...cuts[k + 1]]);
    }
  }
  return pieces;
}

// Everything of the map that only a, b, the size and the theme decide; kept between draws.
export function prepareMap(grid, width, height, theme) {
  return {
    raster: paintRaster(grid, colourTable(theme.stops), Math.max(2, Math.round(width)), Math.max(2, Math.round(height))),
    threshold: contour(grid.snr, grid.columns, grid.rows, 0),
    kl: KL_LEVELS.map((level) => ({ level, pieces: contour(grid.kl, grid.columns, grid.rows, level) })),
    grid,
  };
}

export function mapArea({ width, height }) {
  return { left: 50, right: width - 12, top: 30, bottom: height - 84 };
}

export function mapScales({ a, b }, size) {
  const { left, right, top, bottom } = mapArea(size);
  return { x: linear([a - MU_REACH, b + MU_REACH], [left, right]), y: linear(LOG_SIGMA, [bottom, top]) };
}

export function paintMap(ctx, size, { gate, map, dragging }, theme) {
  const { left, right, top, bottom } = mapArea(size);
  const { x, y } = mapScales(gate, size);
  ctx.drawImage(map.raster, left, top, right - left, bottom - top);

  const { columns, rows } = map.grid;
  const toX = (gx) => left + (gx / (columns - 1)) * (right - left);
  const toY = (gy) => bottom - (gy / (rows - 1)) * (bottom - top);
  const stroke = (pieces, color, width, dash) => {
    ctx.save();
    [ctx.strokeStyle, ctx.lineWidth, ctx.lineCap] = [color, width, "round"];
    ctx.setLineDash(dash);
    ctx.beginPath();
    for (const [x0, y0, x1, y1] of pieces) {
      ctx.moveTo(toX(x0), toY(y0));
      ctx.lineTo(toX(x1), toY(y1));
    }
    ctx.stroke();
    ctx.restore();
  };
  for (const { pieces } of map.kl) stroke(pieces, theme.kl, 1.25, []);
  stroke(map.threshold, theme.text, 3, []);
  mapLabels(ctx, map, { toX, toY, x, y, left, right, top, bottom }, theme);

  const [px, py] = [x(gate.mu), y(Math.log(gate.sigma))];
  const guide = { color: theme.text, width: 1, dash: [3, 3] };
  segment(ctx, px, bottom, px, py, guide);
  segment(ctx, left, py, px, py, guide);
  dot(ctx, px, py, dragging === "map" ? 11 : 9, { fill: gateColour(gate, theme), stroke: "#ffffff", width: 3 });
  dot(ctx, px, py, dragging === "map" ? 13 : 11, { stroke: theme.dark ? "#000000" : theme.text, width: 1.25 });

  xAxis(ctx, x, bottom, ticks(...x.domain, right - left < 330 ? 4 : 6), { theme, format: plain, name: "mu" });
  segment(ctx, left, bottom, left, top, { color: theme.axis, width: 1 });
  for (const sigma of SIGMAS) {
    const at = y(Math.log(sigma));
    segment(ctx, left - 4, at, left, at, { color: theme.axis, width: 1 });
    text(ctx, String(sigma), left - 7, at, { color: theme.muted, size: 12, align: "right", baseline: "middle", font: theme.font });
  }
  text(ctx, "sigma", left - 38, top - 10, { color: theme.text, size: 13, baseline: "bottom", font: theme.font });
  legend(ctx, size, theme);
}

function mapLabels(ctx, map, { toX, toY, x, left, right, top, bottom }, theme) {
  const small = { size: 12, font: theme.font };
  // KL labels where each contour meets a column a third from the left: there the contours are well apart.
  const column = 0.3 * (map.grid.columns - 1);
  for (const { level, pieces } of map.kl) {
    const piece = pieces.find(([x0, , x1]) => (x0 - column) * (x1 - column) <= 0);
    if (!piece) continue;
    const at = toY((piece[1] + piece[3]) / 2);
    if (at < top + 10 || at > bottom - 10) continue;
    box(ctx, toX(column) - 22, at - 8, 44, 16, { fill: theme.halo });
    text(ctx, `KL ${level}`, toX(column), at + 1, { ...small, color: theme.klText, weight: 600, align: "center", baseline: "middle" });
  }
  const middle = 0.55 * (map.grid.columns - 1);
  const crossing = map.threshold.filter(([x0, , x1]) => (x0 - middle) * (x1 - middle) <= 0);
  if (crossing.length > 0) {
    const highest = crossing.reduce((best, piece) => (piece[1] > best[1] ? piece : best));
    text(ctx, "SNR = 1", toX(middle), toY(highest[1]) - 10, { ...small, size: 14, weight: 700, color: theme.text, align: "center" });
  }
  const zone = { size: 16, weight: 700, align: "right", font: theme.font };
  const { prunedTop, keptBottom } = zonesOf(map.grid);
  if (prunedTop) text(ctx, "pruned", right - 10, top + 22, { ...zone, color: theme.prunedText });
  if (keptBottom) text(ctx, "kept", right - 10, bottom - 12, { ...zone, color: theme.onKept });
}

// Whether the two zones lie where their names stand: on a short interval even the largest sigma prunes nothing.
export function zonesOf({ columns, rows, snr }) {
  const at = (i, j) => snr[Math.round(j * (rows - 1)) * columns + Math.round(i * (columns - 1))];
  return { prunedTop: at(0.9, 0.95) < 0, keptBottom: at(0.9, 0.05) >= 0 };
}

// The colour scale with its two rules: 1 and the prior's own SNR are marked by the gauge beside the map.
function legend(ctx, { width, height }, theme) {
  const { table, low, high } = colourTable(theme.stops);
  const [left, right] = [94, width - 12];
  const y = height - 30;
  const x = linear([low, high], [left, right]);
  for (let u = Math.floor(left); u < right; u++) {
    const k = Math.min(511, Math.max(0, Math.round(((x.invert(u + 0.5) - low) / (high - low)) * 511)));
    ctx.fillStyle = `rgb(${table[3 * k]}, ${table[3 * k + 1]}, ${table[3 * k + 2]})`;
    ctx.fillRect(u, y, 1.5, 10);
  }
  text(ctx, "SNR", left - 10, y + 5, { color: theme.text, size: 13, align: "right", baseline: "middle", font: theme.font });
  for (const snr of [0.3, 1, 3, 10, 30, 100]) {
    const at = x(Math.max(Math.log10(snr), low));
    segment(ctx, at, y + 10, at, y + 14, { color: theme.axis, width: 1 });
    text(ctx, num(snr, 1), at, y + 16, { color: theme.muted, size: 12, weight: snr === 1 ? 700 : 400, align: snr === 100 ? "right" : "center", baseline: "top", font: theme.font });
  }
}
