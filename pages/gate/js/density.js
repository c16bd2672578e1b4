// The two densities of one gate: of log theta with the prior over it, and of theta itself with its mean and spread.
import { quantiles } from "./maths.js";
import { alpha } from "../../shared/js/colours.js";
import { ticks } from "../../shared/js/numbers.js";
import { box, clipped, dot, line, linear, segment, text, xAxis } from "./plot.js";
import { isKept, num, plain, power } from "./words.js";

const REACH = 5; // how far outside [a, b] mu may lie, and the axis goes
const DOTS = 50;
const BINS = 28;
const DOT_LEVELS = Array.from({ length: DOTS }, (_, i) => (i + 0.5) / DOTS);

export const gateColour = (gate, theme) => (isKept(gate) ? theme.kept : theme.pruned);

export function logScale({ a, b }, width) {
  return linear([a - REACH, b + REACH], [14, width - 14]);
}

// Points of a curve where it changes: even steps over the support, and its ends at a and b.
function curve(gate, height, x, y) {
  const [low, high] = gate.support;
  const points = [[x(gate.a), y(0)]];
  if (low > gate.a) points.push([x(low), y(0)]);
  const steps = 180;
  for (let i = 0; i <= steps; i++) {
    const at = low + ((high - low) * i) / steps;
    points.push([x(at), y(height(at))]);
  }
  if (high < gate.b) points.push([x(high), y(0)]);
  points.push([x(gate.b), y(0)]);
  return points;
}

export function paintLogDensity(ctx, { width, height }, { gate, dragging }, theme) {
  const [top, bottom] = [46, height - 44];
  const x = logScale(gate, width);
  const priorHeight = 1 / (gate.b - gate.a);
  const y = linear([0, Math.max(gate.peak, priorHeight) * 1.2], [bottom, top]);
  const density = (at) => Math.exp(gate.logDensity(at));
  const colour = gateColour(gate, theme);
  const [xa, xb] = [x(gate.a), x(gate.b)];

  // What truncation cuts away: the rest of the normal curve, on the hatched ground outside [a, b].
  for (const [from, to] of [[x.range[0], xa], [xb, x.range[1]]]) hatch(ctx, from, top, to - from, bottom - top, theme);
  clipped(ctx, x.range[0], top, x.range[1] - x.range[0], bottom - top, () => {
    for (const [from, to] of [[x.domain[0], gate.a], [gate.b, x.domain[1]]]) {
      const tail = Array.from({ length: 61 }, (_, i) => from + ((to - from) * i) / 60);
      line(ctx, tail.map((at) => [x(at), y(Math.min(density(at), 1e6))]), { color: alpha(theme.reference, 0.8), width: 1.25, dash: [2, 3] });
    }
  });

  box(ctx, xa, y(priorHeight), xb - xa, bottom - y(priorHeight), { fill: alpha(theme.reference, 0.14) });
  line(ctx, [[xa, bottom], [xa, y(priorHeight)], [xb, y(priorHeight)], [xb, bottom]], { color: theme.reference, width: 1.5, dash: [6, 4] });
  line(ctx, curve(gate, density, x, y), { color: colour, width: 2.5, fill: alpha(colour, theme.dark ? 0.3 : 0.2), base: bottom });

  segment(ctx, xa, bottom, xa, top - 6, { color: theme.text, width: 2 });
  segment(ctx, xb, bottom, xb, top - 6, { color: theme.text, width: 2 });
  thetaAxis(ctx, x, top - 12, theme);
  xAxis(ctx, x, bottom, ticks(...x.domain, Math.max(4, Math.round(width / 80))), { theme, format: plain, name: "log theta" });

  // mu, with a bracket of one sigma to each side; both may lie outside [a, b].
  const atMu = Math.min(Math.max(x(gate.mu), x.range[0]), x.range[1]);
  const reach = [gate.mu - gate.sigma, gate.mu + gate.sigma].map((at) => Math.min(Math.max(x(at), x.range[0]), x.range[1]));
  segment(ctx, reach[0], bottom, reach[1], bottom, { color: theme.text, width: 3 });
  dot(ctx, atMu, bottom, dragging === "mu" ? 9 : 7, { fill: theme.background, stroke: theme.text, width: 2.5 });

  const label = { size: 14, weight: 600, font: theme.font };
  const peak = Math.min(Math.max(x(gate.mode), xa), xb);
  const right = peak < (xa + xb) / 2;
  const broad = gate.peak < 3 * priorHeight;
  // A broad curve has its name on top, a narrow one beside its peak; the prior's name stands clear of both.
  const named = broad ? [Math.min(Math.max(peak, xa + 46), xb - 46), top + 16, "center"] : [peak + (right ? 14 : -14), y(gate.peak) + 8, right ? "left" : "right"];
  text(ctx, "q, this gate", named[0], named[1], { ...label, color: colour, align: named[2] });
  const [end, towards] = right ? [gate.b, -1] : [gate.a, 1];
  const lower = bottom - y(priorHeight) < 30 || y(density(end)) > y(priorHeight) + 8;
  text(ctx, "p, the prior", x(end) + 10 * towards, y(priorHeight) + (lower ? -8 : 20), { ...label, color: theme.reference, align: right ? "right" : "left" });
}

function hatch(ctx, x, y, width, height, theme) {
  if (width <= 0) return;
  clipped(ctx, x, y, width, height, () => {
    for (let at = x - height; at < x + width; at += 8) segment(ctx, at, y + height, at + height, y, { color: theme.grid, width: 1.5 });
  });
}

// The same axis in theta: powers of ten on top.
function thetaAxis(ctx, x, y, theme) {
  const style = { color: theme.muted, size: 12, align: "center", baseline: "bottom", font: theme.font };
  const decades = Math.LN10 * (x.domain[1] - x.domain[0] > 16 ? 2 : 1) * (x.range[1] - x.range[0] < 400 ? 1.5 : 1);
  const step = Math.max(1, Math.round(decades / Math.LN10));
  for (let k = Math.ceil(x.domain[0] / Math.LN10); k * Math.LN10 <= x.domain[1]; k++) {
    if (k % step !== 0) continue;
    const at = x(k * Math.LN10);
    segment(ctx, at, y + 12, at, y + 7, { color: theme.axis, width: 1 });
    text(ctx, k === 0 ? "1" : power(k), at, y + 5, style);
  }
  text(ctx, "theta", x.range[0], y - 12, { ...style, color: theme.text, size: 13, align: "left" });
}

// The end of theta's axis: e^b, or a power of ten below it that still holds nearly all of the gate.
export function thetaEnd(gate) {
  const [most] = quantiles(gate, [0.995]);
  const end = Math.exp(gate.b);
  const zoom = Math.max(0, Math.floor(Math.log10((0.98 * end) / Math.exp(most))));
  return { end: end / 10 ** zoom, zoom };
}

export function paintTheta(ctx, { width, height }, { gate }, theme) {
  const { end, zoom } = thetaEnd(gate);
  const bars = 58;
  const [top, bottom] = [26, height - bars - 24];
  const x = linear([0, end], [66, width - 18]);
  const colour = gateColour(gate, theme);

  // Quantile dots: each stands for 2 % of the draws. Where a column would not fit, all are pressed together alike.
  const radius = (x.range[1] - x.range[0]) / BINS / 2;
  const columns = new Map();
  for (const at of quantiles(gate, DOT_LEVELS)) {
    const column = Math.min(Math.floor((x(Math.exp(at)) - x.range[0]) / (2 * radius)), BINS - 1);
    columns.set(column, (columns.get(column) ?? 0) + 1);
  }
  const pitch = Math.min(2 * radius, (bottom - top - 2 * radius) / Math.max(...columns.values(), 2));
  for (const [column, count] of columns) {
    for (let i = 0; i < count; i++) {
      const at = [x.range[0] + (2 * column + 1) * radius, bottom - radius - 1 - i * pitch];
      dot(ctx, ...at, radius - 0.75, { fill: alpha(colour, theme.dark ? 0.55 : 0.45), stroke: pitch < radius ? null : theme.background, width: 1 });
    }
  }
  // The densities on the dots' own scale: so high that a column under the curve holds as many dots as it should.
  const lift = (density, theta) => Math.max(bottom - ((density / theta) * (end / BINS) * DOTS) * pitch, top - 20);
  const thetas = Array.from({ length: 240 }, (_, i) => (end * (i + 0.5)) / 240);
  const [low, high] = gate.support.map(Math.exp);
  const fine = Array.from({ length: 120 }, (_, i) => low + ((Math.min(high, end) - low) * i) / 119);
  const dense = [...thetas, ...fine].filter((theta) => theta >= Math.exp(gate.a)).sort((one, other) => one - other);
  clipped(ctx, x.range[0], top - 4, x.range[1] - x.range[0] + 1, bottom - top + 4, () => {
    line(ctx, dense.map((theta) => [x(theta), lift(1 / (gate.b - gate.a), theta)]), { color: theme.reference, width: 1.5, dash: [6, 4] });
    line(ctx, dense.map((theta) => [x(theta), lift(Math.exp(gate.logDensity(Math.log(theta))), theta)]), { color: colour, width: 2.5 });
  });
  text(ctx, `theta; each dot is ${100 / DOTS} % of the draws`, x.range[0], 2, { color: theme.text, size: 13, baseline: "top", font: theme.font });
  xAxis(ctx, x, bottom, ticks(0, end, width < 420 ? 4 : 5), { theme, format: (v) => (v === 0 ? "0" : num(v, 2).replace(/\.0$/, "")) });
  if (zoom > 0) {
    const note = `zoomed in ${num(10 ** zoom, 1).replace("1 × ", "")} times: theta may go up to ${num(Math.exp(gate.b))}`;
    text(ctx, note, x.range[1], 22, { color: theme.muted, size: 12, align: "right", baseline: "top", font: theme.font, halo: theme.background });
  }

  // SNR as two lengths: the gate is kept while the mean is the longer one.
  const first = height - bars + 8;
  for (const [row, name, value, solid] of [[0, "mean", gate.mean, true], [1, "sd", gate.sd, false]]) {
    const y = first + row * 26;
    const long = Math.max(x(Math.min(value, end)) - x.range[0], 1.5);
    text(ctx, name, x.range[0] - 10, y + 9, { color: theme.text, size: 14, align: "right", baseline: "middle", font: theme.font });
    box(ctx, x.range[0], y, long, 18, { fill: solid ? colour : alpha(colour, 0.18), stroke: colour, lineWidth: solid ? 0 : 1.75, dash: solid ? [] : [4, 3] });
    const inside = long > (x.range[1] - x.range[0]) * 0.8;
    text(ctx, num(value), x.range[0] + long + (inside ? -8 : 8), y + 10, {
      color: inside && solid ? theme.background : theme.text, size: 14, weight: 600, align: inside ? "right" : "left", baseline: "middle", font: theme.font,
    });
  }
  segment(ctx, x.range[0], first - 6, x.range[0], height - 4, { color: theme.axis, width: 1 });
}

// A hundred examples after the gate: the ink of each square is its theta. The same draws at every setting, only moved.
export const STRIP = 100;
const ORDER = Array.from({ length: STRIP }, (_, i) => i).sort((i, j) => ((i * 0.6180339887) % 1) - ((j * 0.6180339887) % 1));

export function paintStrip(ctx, { width, height }, { gate }, theme) {
  const levels = Array.from({ length: STRIP }, (_, i) => (i + 0.5) / STRIP);
  const drawn = quantiles(gate, levels).map(Math.exp);
  const rows = width < 700 ? 4 : 2;
  const columns = STRIP / rows;
  const [w, h] = [width / columns, height / rows];
  const full = Math.exp(gate.b);
  ORDER.forEach((rank, place) => {
    const [column, row] = [place % columns, Math.floor(place / columns)];
    box(ctx, column * w + 1.5, row * h + 1.5, w - 3, h - 3, {
      fill: alpha(theme.ink, Math.min(1, drawn[rank] / full)), stroke: theme.grid,
    });
  });
}
