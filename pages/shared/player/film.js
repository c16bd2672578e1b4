// A run as the player knows it: one byte a unit and frame for the SNR, decoded once, read at any moment in between.

import { fromBase64, minus } from "../js/numbers.js";

const words16 = (text) => new Int16Array(fromBase64(text).buffer);

export function decode(raw) {
  const layers = raw.layers.map((layer) => ({
    ...layer,
    levels: fromBase64(layer.levels),
    order: words16(layer.order),
    cells: { ...layer.cells, units: words16(layer.cells.units) },
  }));
  const first = Math.floor(Math.min(0, raw.records.x[0] ?? 0));
  return { ...raw, layers, first, frames: raw.epochs.length, light: fromBase64(raw.scale.light), dark: fromBase64(raw.scale.dark) };
}

// The epoch at a moment; a moment is a frame number with a fraction.
export function epochAt(run, moment) {
  const frame = Math.min(Math.floor(moment), run.frames - 1);
  const next = Math.min(frame + 1, run.frames - 1);
  return run.epochs[frame] + (run.epochs[next] - run.epochs[frame]) * (moment - frame);
}

// An epoch in words: "step 40" where it is one of the first steps, which stand at fractions of an epoch.
export function sayEpoch(run, epoch) {
  const step = run.steps[run.epochs.indexOf(epoch)];
  return step ? `step ${step.toLocaleString("en")}` : `epoch ${minus(Number(epoch.toFixed(2)))}`;
}

// The moment of an epoch, exact where a frame has it, between two frames elsewhere.
export function momentOf(run, epoch) {
  if (!run.frames) return 0;
  let frame = 0;
  while (frame < run.frames - 1 && run.epochs[frame + 1] <= epoch) frame += 1;
  if (frame === run.frames - 1) return frame;
  const share = (epoch - run.epochs[frame]) / (run.epochs[frame + 1] - run.epochs[frame]);
  return frame + Math.min(Math.max(share, 0), 1);
}

// Where an epoch stands on the axis: logarithmic, since most units are pruned early and late epochs are many.
// Epochs of pretraining, which count up to 0, get a third of the room of the others, evenly.
export function placeOf(run, epoch) {
  if (epoch >= 0) return Math.log1p(epoch);
  return (epoch / Math.max(1, -run.first)) * (Math.log1p(run.total) / 3);
}

// Levels of all units of a layer at a moment, 0..255, into `out`. Between two frames a unit stays on its side of SNR = 1,
// so that a picture never shows a unit as pruned that the counts beside it still hold.
export function levelsAt(run, layer, moment, out) {
  const frame = Math.min(Math.floor(moment), run.frames - 1);
  const share = moment - frame;
  const start = frame * layer.units;
  const next = Math.min(frame + 1, run.frames - 1) * layer.units;
  for (let unit = 0; unit < layer.units; unit += 1) {
    const now = layer.levels[start + unit];
    const level = now + (layer.levels[next + unit] - now) * share;
    out[unit] = now >= run.scale.one ? Math.max(level, run.scale.one) : Math.min(level, run.scale.one - 1);
  }
  return out;
}

// Level <-> log10 of the SNR; levels from `scale.one` on are kept.
export const logOf = (run, level) => run.scale.low + (level / 255) * (run.scale.high - run.scale.low);

// An SNR in words: two digits are what a byte holds.
export function saySnr(run, level) {
  if (level > 254.5) return "over 200";
  const two = 10 ** logOf(run, level);
  return two >= 10 ? String(Number(two.toPrecision(2))) : two.toPrecision(2);
}
