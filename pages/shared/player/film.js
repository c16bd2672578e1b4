// A run as the player knows it: one byte a unit and frame for the SNR, decoded once, read at any moment in between.

import { fromBase64, minus } from "../js/numbers.js";

const words16 = (text) => new Int16Array(fromBase64(text).buffer);

export function decode(raw) {
  const layers = raw.layers.map((layer) => ({
    ...layer,
    levels: side(layer.levels.map(fromBase64), layer.units),
    order: words16(layer.order),
    cells: { ...layer.cells, units: words16(layer.cells.units) },
  }));
  const first = Math.floor(Math.min(0, raw.records.x[0] ?? 0));
  return { ...raw, layers, first, frames: raw.epochs.length, light: fromBase64(raw.scale.light), dark: fromBase64(raw.scale.dark) };
}

// The levels of all frames, one after the other.
function side(frames, units) {
  const levels = new Uint8Array(frames.length * units);
  frames.forEach((frame, at) => levels.set(frame, at * units));
  return levels;
}

// The film that the parts on the page make (parts.js); null while one of them is still to come.
export function joined(name) {
  const parts = [...(globalThis.sbpFilmParts?.values() ?? [])];
  const last = parts.find((part) => part.of === name);
  const lists = last?.names.map((wanted) => parts.find((part) => part.name === wanted)?.lists);
  if (!lists || lists.includes(undefined)) return null;
  const film = structuredClone(last.film);
  for (const [path, list] of lists.flatMap(Object.entries)) {
    path.split(".").reduce((node, step) => node[step], film).push(...list);
  }
  return film;
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

// Levels of all units of a layer at a moment, 0..255, into `out`; between two frames they glide, and so do the counts.
export function levelsAt(run, layer, moment, out) {
  const frame = Math.min(Math.floor(moment), run.frames - 1);
  const share = moment - frame;
  const start = frame * layer.units;
  const next = Math.min(frame + 1, run.frames - 1) * layer.units;
  for (let unit = 0; unit < layer.units; unit += 1) {
    const now = layer.levels[start + unit];
    out[unit] = now + (layer.levels[next + unit] - now) * share;
  }
  return out;
}

export const isKept = (run, level) => level >= run.scale.one - 0.5;

// How many units of a layer are kept at a moment, so that no number stands beside a picture of another: on a frame as
// counted there, between two as many as are drawn as kept, and without noise on the way from one count to the other.
export function keptAt(run, layer, moment) {
  const frame = Math.min(Math.floor(moment + 1e-6), run.frames - 1);
  const [now, then] = [layer.kept[frame], layer.kept[Math.min(frame + 1, run.frames - 1)]];
  const share = moment - frame;
  if (share < 1e-6) return now;
  if (!run.noise) return Math.round(now + (then - now) * share);
  const levels = levelsAt(run, layer, moment, new Float32Array(layer.units));
  const parent = run.layers.find((other) => other.name === layer.parent);
  const above = parent && levelsAt(run, parent, moment, new Float32Array(parent.units));
  const held = (unit) => !parent || isKept(run, above[Math.floor((unit * parent.units) / layer.units)]);
  const drawn = levels.reduce((sum, level, unit) => sum + (isKept(run, level) && held(unit) ? 1 : 0), 0);
  return Math.min(Math.max(drawn, Math.min(now, then)), Math.max(now, then));
}

// The units kept on the way from one frame to the next; a frame has a sentence of its own.
export function sayPassing(run, frame, kept) {
  const [from, to] = [frame, frame + 1].map((at) => sayEpoch(run, run.epochs[at]));
  const when = `from ${from} to ${to}`;
  if (run.focus != null) {
    const { title, units, word } = run.layers[run.focus];
    return `${title} ${when}: ${kept[run.focus].toLocaleString("en")} of ${units.toLocaleString("en")} ${word} kept.`;
  }
  const all = (counts) => (run.summed ? counts.reduce((sum, count) => sum + count, 0).toLocaleString("en") : counts.join("–"));
  const facts = run.facts[frame] ? `; at ${from}: ${run.facts[frame]}` : "";
  return `${run.whose}F${when.slice(1)}: ${all(kept)} of ${all(run.layers.map((layer) => layer.units))} units kept${facts}.`;
}

// Level <-> log10 of the SNR; levels from `scale.one` on are kept.
export const logOf = (run, level) => run.scale.low + (level / 255) * (run.scale.high - run.scale.low);

// An SNR in words: two digits are what a byte holds.
export function saySnr(run, level) {
  if (level > 254.5) return "over 200";
  const two = 10 ** logOf(run, level);
  return two >= 10 ? String(Number(two.toPrecision(2))) : two.toPrecision(2);
}
