// Every sentence of the page's figure, from plain numbers. No DOM.

export const percent = (share) => {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "<\u00a00.1\u00a0%";
  if (value > 99.9 && value < 100) return ">\u00a099.9\u00a0%";
  return `${value.toFixed(value >= 99.95 || value === 0 ? 0 : 1)}\u00a0%`;
};
export const count = (number) => Math.round(number).toLocaleString("en-US");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
export const article = (name) => (/^[aeiou8]/i.test(name) ? "an" : "a");

export const isPixel = (film) => film.layer.kind === "pixel";

// What is shown at the left, as a title and as the subject of a sentence.
export function subject(view, label, classes) {
  if (view.kind === "drawn") return { title: "Your drawing", short: "the drawing" };
  if (view.kind === "mean") return { title: `Mean of class ${classes[view.mean]}`, short: `the mean ${classes[view.mean]}` };
  const name = label == null ? "" : ` (${article(classes[label])} ${classes[label]})`;
  return { title: `Test image #${view.digit}${name}`, short: `test image #${view.digit}` };
}

// The map in a sentence: kept units, and why the others are pruned.
export function mapSentence({ film, when, kept, neverLit, nTrain }) {
  const { units, kind } = film.layer;
  const start = `At ${when}, ${count(kept)} of ${plural(units, kind)} are kept (SNR 1 or more).`;
  if (kept === units) return `${start} Nothing is pruned yet.`;
  const pruned = units - kept;
  if (neverLit == null) return `${start} ${count(pruned)} are pruned.`;
  if (!isPixel(film)) return `${start} ${count(pruned)} are pruned, including those of pruned channels.`;
  const dark = `${count(neverLit)} of them are unlit in all ${count(nTrain)} training images`;
  return `${start} ${count(pruned)} are pruned: ${dark}; ${count(pruned - neverLit)} carried ink but were pruned.`;
}

export function seesSentence(film, share, short) {
  if (share == null) return "";
  const what = isPixel(film) ? `the ink of ${short} lies on kept pixels` : `the activity in ${film.layer.of}’s maps of ${short} is passed on`;
  return `${percent(share)} of ${what}.`;
}

// Both predictions, what they cost, and whether they agree.
export function predictionSentence(full, small, classes) {
  const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));
  const says = ({ probabilities, macs }) => `${classes[best(probabilities)]} with ${percent(Math.max(...probabilities))} (${count(macs)} MACs)`;
  const fewer = small.macs < full.macs && small.macs ? `, ${(full.macs / small.macs).toFixed(1)} times fewer` : "";
  const agree = best(full.probabilities) === best(small.probabilities) ? "They agree." : "They disagree.";
  return `Full network: ${says(full)}. Compact network: ${says(small).replace(/\)$/, `${fewer})`)}. ${agree}`;
}

// Where a unit stands in the image, or in the map of its channel.
export function placeOf({ kind, shape }, unit) {
  const columns = shape.at(-1);
  if (kind === "pixel") return `row ${Math.floor(unit / columns)}, column ${unit % columns}`;
  if (shape.length < 3) return `${kind} ${unit}`;
  const each = shape[1] * columns;
  return `channel ${Math.floor(unit / each)}, place ${Math.floor((unit % each) / columns)}, ${unit % columns}`;
}

// A cell under the pointer.
export function cellWords(film, unit, { snr, theta, keep, lit, kindWord }) {
  const place = placeOf(film.layer, unit);
  const fate = keep ? "kept" : lit === false ? "never lit" : snr >= 1 ? "pruned with its channel" : "pruned";
  return `${place}: SNR ${sayNumber(snr)}, E[theta] ${theta.toFixed(2)}, ${kindWord ?? fate}`;
}

const sayNumber = (x) => (x >= 190 ? "over 190" : x >= 10 ? x.toFixed(0) : x.toPrecision(2));
