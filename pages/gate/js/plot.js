// What every figure is drawn with: theme, scales, ticks, axes, text that stays readable, a crisp canvas.

const luminance = (hex) => {
  const [r, g, b] = rgb(hex);
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
};

export function rgb(hex) {
  const n = parseInt(hex.replace("#", ""), 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}

export function alpha(hex, opacity) {
  return `rgba(${rgb(hex).join(", ")}, ${opacity})`;
}

// The colours of the moment: grounds and text from Streamlit's theme, meanings from the app's palette.
export function readTheme(host, palette) {
  const style = getComputedStyle(host);
  const of = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const background = of("--st-background-color", "#ffffff");
  const dark = background.startsWith("#") ? luminance(background) < 0.5 : false;
  const text = of("--st-text-color", dark ? "#e8eef4" : "#1b2733");
  return {
    dark,
    background,
    panel: of("--st-secondary-background-color", dark ? "#1a242f" : "#f3f6f9"),
    text,
    muted: text.startsWith("#") ? alpha(text, 0.72) : text,
    axis: text.startsWith("#") ? alpha(text, 0.45) : text,
    grid: text.startsWith("#") ? alpha(text, 0.09) : text,
    font: of("--st-font", "sans-serif"),
    ...(dark ? palette.dark : palette.light),
  };
}

// Two colours mixed to an opaque one: neighbouring shapes of it leave no seam, as transparent ones do.
export function mix(hex, ground, share) {
  const [one, other] = [rgb(hex), rgb(ground)];
  return `rgb(${one.map((c, i) => Math.round(c * share + other[i] * (1 - share))).join(", ")})`;
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

// About `count` round numbers of [low, high].
export function ticks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k === 0 ? 0 : k * step);
  return found;
}

// Sizes the canvas to its box in device pixels and returns a context that is drawn on in CSS pixels.
export function prepare(canvas) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
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
