// Numbers and sentences. What a figure shows, its sentence says with the same number.

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function power(exponent) {
  return "10" + [...String(exponent)].map((c) => SUPERSCRIPT[c]).join("");
}

// Three significant digits (or as many as asked for), a true minus sign, no trailing e-notation.
export function num(x, digits = 3) {
  if (Number.isNaN(x)) return "NaN";
  if (x === Infinity || x === -Infinity) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  let said;
  if (size >= 1e5 || size < 1e-3) {
    let exponent = Math.floor(Math.log10(size));
    let lead = (size / 10 ** exponent).toFixed(Math.max(digits - 2, 0));
    if (Number(lead) >= 10) [lead, exponent] = [(Number(lead) / 10).toFixed(Math.max(digits - 2, 0)), exponent + 1];
    said = `${lead} × ${power(exponent)}`;
  } else if (size >= 1000) {
    said = Math.round(size).toLocaleString("en");
  } else {
    said = size.toPrecision(digits);
    if (said.includes("e")) said = String(Math.round(size));
  }
  return (x < 0 ? "−" : "") + said;
}

// A parameter as its number box shows it: at most four significant digits, no padding.
export function plain(x) {
  return String(Number(x.toPrecision(4))).replace("-", "−");
}

export const isKept = (gate) => gate.snr >= 1;

// SNR near the threshold gets the digits that decide, so that no figure shows 1.00 and says pruned.
export function snrWords(snr) {
  let digits = 3;
  while (digits < 8 && Number(snr.toPrecision(digits)) === 1 && snr !== 1) digits++;
  return num(snr, digits);
}

export function verdict(gate) {
  return `At mu = ${plain(gate.mu)} and sigma = ${plain(gate.sigma)} this gate’s SNR is ${snrWords(gate.snr)}: ${isKept(gate) ? "kept" : "pruned"}.`;
}

// What the verdict leaves out and a student would ask next.
export function remark(gate, prior) {
  if (prior.snr >= 1) return `Even the prior has SNR ${num(prior.snr)} on this interval: nothing can be pruned.`;
  if (gate.kl < 0.05) return `It has become the prior: it knows nothing and costs nothing.`;
  if (!isKept(gate)) return `Its noise (sd ${num(gate.sd)}) is larger than its mean (${num(gate.mean)}).`;
  if (gate.mean < 1e-3 * Math.exp(gate.b)) return `It passes ${num(gate.mean)} of its input: next to nothing, but precisely.`;
  if (gate.kl > 6) return `Nearly no noise, at a high price: ${num(gate.kl)} nats.`;
  return `It passes ${num(100 * gate.mean)} % of its input, give or take ${num(100 * gate.sd)} %.`;
}

export function klSentence(gate) {
  const { mass, edge } = gate.terms;
  const lost = Math.floor(Math.log10(Math.abs(mass) / Math.max(Math.abs(mass + edge), 1e-300)));
  const cost = `This gate costs ${num(gate.kl)} nats more than the prior.`;
  if (Math.abs(mass) > 100 && lost >= 2) {
    return `${cost} The last two terms, ${num(mass)} and ${num(edge)}, cancel in their first ${lost} digits; a float32 has 7.`;
  }
  return gate.kl < 0.05 ? `${cost} The prior costs 0: there is nothing left to save.` : cost;
}

export function thresholdSentence(gate, prior, crossing) {
  const length = gate.b - gate.a;
  const start = `On an interval of length ${plain(length)} a unit that knows nothing has SNR ${num(prior.snr)}`;
  return prior.snr < 1
    ? `${start}, below 1: it is pruned.`
    : `${start}, not below 1: no unit would ever be pruned. The interval must be longer than ${num(crossing)}.`;
}

export function pruningSentence(gate, sigmaAtOne) {
  if (sigmaAtOne === null) return `At mu = ${plain(gate.mu)} the SNR stays ${isKept(gate) ? "above" : "below"} 1 for every sigma up to 148.`;
  const factor = sigmaAtOne / gate.sigma;
  const where = `At mu = ${plain(gate.mu)} the SNR crosses 1 at sigma = ${num(sigmaAtOne)}`;
  return factor > 1
    ? `${where}: ${num(factor)} times this gate’s sigma.`
    : `${where}: this gate’s sigma is ${num(1 / factor)} times that.`;
}

export function truncationSentence(gate, gain) {
  return `At sigma = ${plain(gate.sigma)}, making sigma e times larger lowers the KL by 1 nat without truncation, forever; on [${plain(gate.a)}, ${plain(gate.b)}] by ${num(gain)} nats, and never below 0.`;
}

const SAID = { right: "right", wrong: "wrong", infinite: "infinite", nan: "NaN" };

export function judgement(judged) {
  if (judged.verdict === "right") return "right";
  if (judged.verdict === "nan" || judged.verdict === "infinite") return `${SAID[judged.verdict]}: ${judged.why}`;
  const off = judged.error >= 10 ? `${num(judged.error, 2)} times off` : `off by ${num(100 * judged.error, 2)} %`;
  return `${off}: ${judged.why}`;
}

export function printedSentence(failed, total) {
  if (failed === 0) return `Here all ${total} ways of computing the printed formulas are right. Try another: at mu = 0.1, sigma = 0.0067 none is.`;
  return `Here ${failed} of ${total} ways of computing the printed formulas fail. A NaN is below no threshold and above none; a mean of 0 prunes a good unit.`;
}
