import { minus } from "../js/numbers.js";
import { placeOf } from "./film.js";

// What all pictures are drawn with: text, the axis of epochs, the playhead.

export function write(ctx, theme, text, x, y, { size = 12, align = "left", base = "alphabetic", colour, weight = 400 } = {}) {
  ctx.font = `${weight} ${size}px ${theme.font}`;
  ctx.textAlign = align;
  ctx.textBaseline = base;
  ctx.fillStyle = colour || theme.text;
  ctx.fillText(text, x, y);
}

// A text as lines that are at most so wide; a wider word is a line of its own.
export function lines(ctx, theme, text, size, width) {
  ctx.font = `400 ${size}px ${theme.font}`;
  return text.split(" ").reduce((made, word) => {
    const longer = made.length ? `${made.at(-1)} ${word}` : word;
    return made.length && ctx.measureText(longer).width <= width ? [...made.slice(0, -1), longer] : [...made, word];
  }, []);
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
  const grey = { size: 12, base: "top", colour: theme.colours.reference };
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
    write(ctx, theme, minus(epoch), x(epoch), box.bottom + 7, { ...grey, align: right - x(epoch) < 10 ? "right" : "center" });
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
