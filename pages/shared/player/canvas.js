import { placeOf } from "./film.js";

// What all pictures are drawn with: colours of the theme, a canvas as sharp as the screen, axes.

const channels = (colour) => (colour.match(/[\d.]+/g) || [255, 255, 255]).map(Number);

export function readTheme(host, run) {
  const style = getComputedStyle(host);
  const probe = document.createElement("span");
  host.append(probe);
  const resolve = (name, fallback) => {
    probe.style.color = fallback;
    probe.style.color = `var(${name}, ${fallback})`;
    return getComputedStyle(probe).color;
  };
  const ground = resolve("--st-background-color", "#ffffff");
  const [r, g, b] = channels(ground);
  const dark = 0.299 * r + 0.587 * g + 0.114 * b < 128;
  const theme = {
    dark,
    ground,
    text: resolve("--st-text-color", dark ? "#e8eef4" : "#1b2733"),
    line: resolve("--st-border-color", dark ? "#2f3d4b" : "#d5dce3"),
    font: style.fontFamily || "sans-serif",
    scale: dark ? run.dark : run.light,
    colours: dark ? run.colours.dark : run.colours.light,
  };
  probe.remove();
  return theme;
}

export const colourOf = (theme, level) => {
  const at = 3 * Math.round(level);
  return `rgb(${theme.scale[at]},${theme.scale[at + 1]},${theme.scale[at + 2]})`;
};

// Sizes a canvas to its place at the screen's resolution; returns its context in CSS pixels, cleared.
export function fit(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, width, height };
}

export function write(ctx, theme, text, x, y, { size = 12, align = "left", base = "alphabetic", colour, weight = 400 } = {}) {
  ctx.font = `${weight} ${size}px ${theme.font}`;
  ctx.textAlign = align;
  ctx.textBaseline = base;
  ctx.fillStyle = colour || theme.text;
  ctx.fillText(text, x, y);
}

// A round step so that about `count` ticks fit into a span.
export function niceStep(span, count) {
  const raw = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
}

const EPOCHS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

// The axis of epochs under a picture: the whole run from its start, whatever has been trained so far.
// Gives the function from an epoch to its x.
export function epochAxis(ctx, theme, box, run, from = 0, to = run.total) {
  const [start, end] = [placeOf(run, from), placeOf(run, Math.max(to, from + 1))];
  const x = (epoch) => box.left + ((placeOf(run, epoch) - start) / (end - start)) * box.width;
  const right = box.left + box.width;
  const ticks = EPOCHS.filter((epoch) => epoch >= from && epoch < run.total && x(run.total) - x(epoch) > 22);
  if (from < -1) ticks.unshift(from);
  ticks.push(run.total);
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(box.left, box.bottom + 0.5);
  ctx.lineTo(right, box.bottom + 0.5);
  for (const epoch of ticks) {
    ctx.moveTo(Math.round(x(epoch)) + 0.5, box.bottom);
    ctx.lineTo(Math.round(x(epoch)) + 0.5, box.bottom + 4);
  }
  ctx.stroke();
  const grey = { size: 11, base: "top", colour: theme.colours.reference };
  if (run.tuned != null && run.tuned > from) {
    ctx.setLineDash([2, 3]);
    playhead(ctx, theme, box, x(run.tuned));
    ctx.setLineDash([]);
    const left = x(run.tuned) < right - 70;
    write(ctx, theme, "fine-tuning", x(run.tuned) + (left ? 4 : -4), box.top + 2, { ...grey, align: left ? "left" : "right" });
  }
  let free = -99;
  for (const epoch of ticks) {
    if (x(epoch) < free) continue;
    write(ctx, theme, String(epoch), x(epoch), box.bottom + 7, { ...grey, align: right - x(epoch) < 10 ? "right" : "center" });
    free = x(epoch) + 20;
  }
  write(ctx, theme, from < -1 ? "epoch, noise on from 0 (log)" : "epoch (log)", right, box.bottom + 21, { ...grey, align: "right" });
  return x;
}

// Where a moment between two frames stands on such an axis.
export function between(run, x, moment) {
  const frame = Math.min(Math.floor(moment), run.frames - 1);
  const next = Math.min(frame + 1, run.frames - 1);
  return x(run.epochs[frame]) + (x(run.epochs[next]) - x(run.epochs[frame])) * (moment - frame);
}

export function playhead(ctx, theme, box, x) {
  ctx.strokeStyle = theme.colours.reference;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(Math.round(x) + 0.5, box.top);
  ctx.lineTo(Math.round(x) + 0.5, box.bottom);
  ctx.stroke();
}
