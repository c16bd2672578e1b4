// What every figure is drawn with: theme, scales, axes, text that stays readable.
import { alpha } from "../../shared/js/colours.js";
import { readTheme } from "../../shared/js/theme.js";

// Grounds and text from Streamlit's theme, meanings from the app's palette.
export function gateTheme(root, palette) {
  const theme = readTheme(root, palette);
  return { ...theme, muted: alpha(theme.text, 0.72), axis: alpha(theme.text, 0.45), grid: alpha(theme.text, 0.09) };
}

export function linear([d0, d1], [r0, r1]) {
  const scale = (x) => r0 + ((x - d0) / (d1 - d0)) * (r1 - r0);
  scale.invert = (y) => d0 + ((y - r0) / (r1 - r0)) * (d1 - d0);
  scale.domain = [d0, d1];
  scale.range = [r0, r1];
  return scale;
}

// A scale that is linear in the logarithm; its domain is given in plain numbers.
export function logarithmic([d0, d1], range) {
  const inner = linear([Math.log(d0), Math.log(d1)], range);
  const scale = (x) => inner(Math.log(x));
  scale.invert = (y) => Math.exp(inner.invert(y));
  scale.domain = [d0, d1];
  scale.range = range;
  return scale;
}

export function line(ctx, points, { color, width = 1.5, dash = [], fill = null, base = null }) {
  if (points.length < 2) return;
  ctx.save();
  ctx.beginPath();
  ctx.moveTo(points[0][0], points[0][1]);
  for (const [x, y] of points) ctx.lineTo(x, y);
  if (fill) {
    ctx.save();
    ctx.lineTo(points[points.length - 1][0], base);
    ctx.lineTo(points[0][0], base);
    ctx.closePath();
    ctx.fillStyle = fill;
    ctx.fill();
    ctx.restore();
    ctx.beginPath();
    ctx.moveTo(points[0][0], points[0][1]);
    for (const [x, y] of points) ctx.lineTo(x, y);
  }
  if (color) {
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.lineJoin = "round";
    ctx.setLineDash(dash);
    ctx.stroke();
  }
  ctx.restore();
}

export function segment(ctx, x0, y0, x1, y1, style) {
  line(ctx, [[x0, y0], [x1, y1]], style);
}

// Text with an optional halo of the ground's colour, so that it can stand on curves and maps.
export function text(ctx, words, x, y, { color, size = 13, weight = 400, align = "left", baseline = "alphabetic", font, halo = null }) {
  ctx.save();
  ctx.font = `${weight} ${size}px ${font}`;
  ctx.textAlign = align;
  ctx.textBaseline = baseline;
  if (halo) {
    ctx.strokeStyle = halo;
    ctx.lineWidth = 4;
    ctx.lineJoin = "round";
    ctx.strokeText(words, x, y);
  }
  ctx.fillStyle = color;
  ctx.fillText(words, x, y);
  ctx.restore();
}

export function dot(ctx, x, y, radius, { fill, stroke = null, width = 1.5 }) {
  ctx.save();
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fill();
  }
  if (stroke) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width;
    ctx.stroke();
  }
  ctx.restore();
}

export function box(ctx, x, y, width, height, { fill = null, stroke = null, lineWidth = 1, dash = [] }) {
  ctx.save();
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fillRect(x, y, width, height);
  }
  if (stroke) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = lineWidth;
    ctx.setLineDash(dash);
    ctx.strokeRect(x, y, width, height);
  }
  ctx.restore();
}

// The bottom axis of a plot area: line, ticks with words, and its name at the right end or below.
export function xAxis(ctx, scale, y, values, { theme, format = String, name = "", grid = null }) {
  const [from, to] = scale.range;
  segment(ctx, from, y, to, y, { color: theme.axis, width: 1 });
  for (const value of values) {
    const x = scale(value);
    if (grid !== null) segment(ctx, x, y, x, grid, { color: theme.grid, width: 1 });
    segment(ctx, x, y, x, y + 4, { color: theme.axis, width: 1 });
    text(ctx, format(value), x, y + 7, { color: theme.muted, size: 12, align: "center", baseline: "top", font: theme.font });
  }
  if (name) {
    text(ctx, name, (from + to) / 2, y + 23, { color: theme.text, size: 13, align: "center", baseline: "top", font: theme.font });
  }
}

// The left axis: ticks with words, and its name on top of it.
export function yAxis(ctx, scale, x, values, { theme, format = String, name = "", grid = null }) {
  const [bottom, top] = scale.range;
  for (const value of values) {
    const y = scale(value);
    if (grid !== null) segment(ctx, x, y, grid, y, { color: theme.grid, width: 1 });
    text(ctx, format(value), x - 7, y, { color: theme.muted, size: 12, align: "right", baseline: "middle", font: theme.font });
  }
  segment(ctx, x, bottom, x, top, { color: theme.axis, width: 1 });
  if (name) text(ctx, name, x, top - 8, { color: theme.text, size: 13, baseline: "bottom", font: theme.font });
}

// Draws inside a rectangle only.
export function clipped(ctx, x, y, width, height, paint) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  paint();
  ctx.restore();
}
