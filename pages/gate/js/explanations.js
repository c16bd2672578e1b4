// The figures below the fold: why the threshold is 1, how a unit is pruned, the KL without truncation, where formulas break.
import { COARSE, klAt, meanAt, prior, snrAt } from "./maths.js";
import { FORMULAS, PRECISIONS } from "./paper_formulas.js";
import { gateColour } from "./density.js";
import { LOG_SIGMA, MU_REACH } from "./map.js";
import { alpha, mix } from "../../shared/js/colours.js";
import { ticks } from "../../shared/js/numbers.js";
import { box, clipped, dot, line, linear, logarithmic, segment, text, xAxis, yAxis } from "./plot.js";
import { num, plain } from "./words.js";

const area = ({ width, height }) => ({ left: 52, right: width - 16, top: 30, bottom: height - 48 });
const SIGMA_DOMAIN = LOG_SIGMA.map(Math.exp);
const SIGMA_TICKS = [0.001, 0.01, 0.1, 1, 10, 100];
const LOG_SIGMAS = Array.from({ length: 131 }, (_, i) => LOG_SIGMA[0] + ((LOG_SIGMA[1] - LOG_SIGMA[0]) * i) / 130);

function pill(ctx, words, x, y, theme, color, align = "left") {
  text(ctx, words, x, y, { color, size: 13, weight: 600, align, baseline: "middle", font: theme.font, halo: theme.background });
}

// The prior's own SNR against the length of its interval.
export function paintThreshold(ctx, size, { gate, prior: own, crossing }, theme) {
  const { left, right, top, bottom } = area(size);
  const x = linear([0, 45], [left, right]);
  const y = logarithmic([0.15, 10], [bottom, top]);
  const length = gate.b - gate.a;
  box(ctx, left, top, x(crossing) - left, bottom - top, { fill: alpha(theme.pruned, theme.dark ? 0.2 : 0.12) });
  xAxis(ctx, x, bottom, ticks(0, 45, 6), { theme, format: plain, name: "b − a, the length of the interval", grid: top });
  yAxis(ctx, y, left, [0.2, 0.5, 1, 2, 5, 10], { theme, format: (v) => plain(v), name: "SNR of the prior", grid: right });
  segment(ctx, left, y(1), right, y(1), { color: theme.text, width: 2 });
  const points = Array.from({ length: 200 }, (_, i) => 0.3 + (44.7 * i) / 199).map((l) => [x(l), y(prior(0, l).snr)]);
  clipped(ctx, left, top, right - left, bottom - top, () => line(ctx, points, { color: theme.reference, width: 3, dash: [8, 4] }));
  segment(ctx, x(crossing), y(1), x(crossing), bottom, { color: theme.text, width: 1, dash: [3, 3] });
  pill(ctx, `crosses 1 at ${num(crossing)}`, x(crossing) + 10, bottom - 12, theme, theme.text);
  pill(ctx, "nothing can be pruned", left + 8, top + 12, theme, theme.prunedText);
  const at = [x(length), y(Math.min(own.snr, 10))];
  dot(ctx, ...at, 7, { fill: own.snr < 1 ? theme.reference : theme.pruned, stroke: theme.background, width: 2 });
  pill(ctx, num(own.snr), at[0] > right - 50 ? at[0] - 12 : at[0] + 12, at[1] - 14, theme, theme.text, at[0] > right - 50 ? "right" : "left");
}

// SNR at this mu for every sigma, and the largest sigma at which it is 1 (null: never).
export function snrCurve({ mu, a, b }) {
  const values = LOG_SIGMAS.map((logSigma) => snrAt(mu, Math.exp(logSigma), a, b, COARSE));
  let sigmaAtOne = null;
  for (let i = values.length - 2; i >= 0 && sigmaAtOne === null; i--) {
    if (values[i] < 1 === values[i + 1] < 1) continue;
    let [low, high] = [LOG_SIGMAS[i], LOG_SIGMAS[i + 1]];
    for (let k = 0; k < 30; k++) {
      const middle = (low + high) / 2;
      if (snrAt(mu, Math.exp(middle), a, b, COARSE) < 1 === values[i] < 1) low = middle;
      else high = middle;
    }
    sigmaAtOne = Math.exp(low);
  }
  return { values, sigmaAtOne };
}

export function paintPruning(ctx, size, { gate, prior: own, curve }, theme) {
  const { left, right, top, bottom } = area(size);
  const x = logarithmic(SIGMA_DOMAIN, [left, right]);
  const y = logarithmic([0.1, 1000], [bottom, top]);
  box(ctx, left, y(1), right - left, bottom - y(1), { fill: alpha(theme.pruned, theme.dark ? 0.2 : 0.12) });
  xAxis(ctx, x, bottom, SIGMA_TICKS, { theme, name: "sigma", grid: top });
  yAxis(ctx, y, left, [0.1, 1, 10, 100, 1000], { theme, name: `SNR at mu = ${plain(gate.mu)}`, grid: right });
  segment(ctx, left, y(1), right, y(1), { color: theme.text, width: 2 });
  segment(ctx, left, y(own.snr), right, y(own.snr), { color: theme.reference, width: 2, dash: [6, 4] });
  const points = curve.values.map((snr, i) => [x(Math.exp(LOG_SIGMAS[i])), y(snr)]);
  clipped(ctx, left, top, right - left, bottom - top, () => line(ctx, points, { color: theme.kept, width: 3 }));
  pill(ctx, "pruned below 1", left + 8, y(1) + 12, theme, theme.prunedText);
  pill(ctx, `the prior, ${num(own.snr)}: knows nothing`, left + 8, y(own.snr) + (own.snr < 1 ? 14 : -14), theme, theme.reference);
  const at = [x(gate.sigma), y(Math.min(Math.max(gate.snr, 0.1), 1000))];
  dot(ctx, ...at, 7, { fill: gateColour(gate, theme), stroke: theme.background, width: 2 });
}

// KL against sigma, truncated and not. The latter's constant is infinite; it is drawn where the two agree for a gate
// well inside [a, b].
export function paintTruncation(ctx, size, { gate }, theme) {
  const { left, right, top, bottom } = area(size);
  const x = logarithmic(SIGMA_DOMAIN, [left, right]);
  const y = linear([-4, 10], [bottom, top]);
  xAxis(ctx, x, bottom, SIGMA_TICKS, { theme, name: "sigma", grid: top });
  yAxis(ctx, y, left, [-4, -2, 0, 2, 4, 6, 8, 10], { theme, format: plain, name: "KL, nats", grid: right });
  segment(ctx, left, y(0), right, y(0), { color: theme.text, width: 1.5 });
  const proper = (logSigma) => klAt(gate.mu, Math.exp(logSigma), gate.a, gate.b, COARSE);
  const constant = Math.log((gate.b - gate.a) / Math.sqrt(2 * Math.PI * Math.E));
  const improper = (logSigma) => constant - logSigma;
  clipped(ctx, left, top, right - left, bottom - top, () => {
    line(ctx, LOG_SIGMAS.map((s) => [x(Math.exp(s)), y(improper(s))]), { color: theme.pruned, width: 2.5, dash: [8, 5] });
    line(ctx, LOG_SIGMAS.map((s) => [x(Math.exp(s)), y(proper(s))]), { color: theme.kl, width: 3 });
  });
  const now = Math.log(gate.sigma);
  for (const [value, colour] of [[improper(now), theme.pruned], [proper(now), theme.kl]]) {
    if (value > 10 || value < -4) continue;
    dot(ctx, x(gate.sigma), y(value), 7, { fill: colour, stroke: theme.background, width: 2 });
  }
  pill(ctx, "truncated: ends at 0", right - 6, y(0) - 14, theme, theme.klText, "right");
  pill(ctx, "not truncated: C − log sigma", left + 10, bottom - 36, theme, theme.prunedText);
  pill(ctx, "falls forever, from C = ∞", left + 10, bottom - 18, theme, theme.prunedText);
}

// Where each printed formula fails over the whole box, in one precision: 0 right, 1 wrong, 2 infinite or NaN.
export const SHOWN = ["eq20", "meanE", "snrD", "snrE2", "eq17"];

export function computeBreaks({ a, b }, precision, columns, rows) {
  const shown = SHOWN.map((id) => FORMULAS.find((formula) => formula.id === id));
  const verdicts = shown.map(() => new Uint8Array(columns * rows));
  for (let j = 0; j < rows; j++) {
    const sigma = Math.exp(LOG_SIGMA[0] + ((LOG_SIGMA[1] - LOG_SIGMA[0]) * (j + 0.5)) / rows);
    for (let i = 0; i < columns; i++) {
      const mu = a - MU_REACH + ((b - a + 2 * MU_REACH) * (i + 0.5)) / columns;
      const gate = { mu, sigma, a, b };
      shown.forEach((formula, k) => {
        const value = formula.evaluate(gate, PRECISIONS[precision]).value;
        verdicts[k][j * columns + i] = Number.isFinite(value) ? (fails(formula, gate, value) ? 1 : 0) : 2;
      });
    }
  }
  // This project's integrals are the measure here, so their map is blank; mpmath is theirs (tests/vectors/gate.json).
  verdicts.push(new Uint8Array(columns * rows));
  const share = verdicts.map((codes) => codes.reduce((right, code) => right + (code === 0), 0) / codes.length);
  return { columns, rows, verdicts, share, precision };
}

function fails({ quantity }, { mu, sigma, a, b }, value) {
  const truth = { mean: meanAt, snr: snrAt, kl: klAt }[quantity](mu, sigma, a, b, COARSE);
  return !(Math.abs(value - truth) <= 1e-3 * Math.abs(truth));
}

// One small map a formula: the page lays the canvases out and writes the names and shares beside them.
export function paintBreaks(ctx, { width, height }, { gate, breaks }, theme, k) {
  const { columns, rows, verdicts } = breaks;
  const [w, h] = [width / columns, height / rows];
  const colours = [mix(theme.background, theme.kept, theme.dark ? 0.28 : 0.16), mix(theme.background, theme.pruned, 0.45), theme.pruned];
  for (let j = 0; j < rows; j++) {
    // Runs of one verdict are one rectangle: fewer shapes, and no seams between cells.
    for (let i = 0; i < columns; ) {
      const code = verdicts[k][j * columns + i];
      let end = i + 1;
      while (end < columns && verdicts[k][j * columns + end] === code) end++;
      box(ctx, i * w, height - (j + 1) * h - 0.3, (end - i) * w + 0.3, h + 0.6, { fill: colours[code] });
      i = end;
    }
  }
  const x = ((gate.mu - (gate.a - MU_REACH)) / (gate.b - gate.a + 2 * MU_REACH)) * width;
  const y = height * (1 - (Math.log(gate.sigma) - LOG_SIGMA[0]) / (LOG_SIGMA[1] - LOG_SIGMA[0]));
  for (const bound of [gate.a, gate.b]) {
    const at = ((bound - gate.a + MU_REACH) / (gate.b - gate.a + 2 * MU_REACH)) * width;
    segment(ctx, at, 0, at, height, { color: alpha(theme.text, 0.5), width: 1, dash: [3, 3] });
  }
  dot(ctx, x, y, 6, { fill: theme.background, stroke: theme.text, width: 2.5 });
}
