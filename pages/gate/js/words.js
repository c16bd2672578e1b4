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

export function snrDefinition(gate) {
  return `SNR = mean / sd = ${num(gate.mean, 4)} / ${num(gate.sd, 4)} = ${snrWords(gate.snr)}. `;
}

// Why, always; then what a student would ask next, where there is something.
export function remark(gate, prior) {
  const reason = isKept(gate)
    ? `Its mean (${num(gate.mean)}) is larger than its noise (sd ${num(gate.sd)}).`
    : `Its noise (sd ${num(gate.sd)}) is larger than its mean (${num(gate.mean)}).`;
  return `${reason} ${aside(gate, prior)}`.trim();
}

function aside(gate, prior) {
  if (prior.snr >= 1) return `So is that of a unit that knows nothing: on this interval nothing can be pruned.`;
  if (gate.kl < 0.05) return `It has become the prior: it knows nothing, and costs nothing.`;
  if (isKept(gate) && gate.mean < 1e-3 * Math.exp(gate.b)) return `It passes next to nothing, but precisely.`;
  return gate.kl > 6 ? `So little noise costs ${num(gate.kl)} nats.` : "";
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

const factor = (x) => (x < 0 ? `(${num(x)})` : num(x));
const moves = (change) => (change > 0 ? "rises" : change < 0 ? "falls" : "stays");

// The five stages of one training step, from the numbers that Python computed: name, formulas, a sentence.
export function stepStages(step) {
  const { view, theta, nll, before } = step;
  const z = (step.x - view.mu) / view.sigma;
  const residual = theta - 1;
  const pull = step.nll_by_log_scale;
  const push = step.kl_by_log_scale;
  const [bySigma, byMu] = [pull + push, step.nll_by_loc + step.kl_by_loc];
  const sigma = Math.exp(step.log_scale);
  const side = pull * push > 0 ? "Both agree" : Math.abs(pull) > Math.abs(push) ? "The data win" : "The KL wins";
  return [
    {
      name: "1 Sample theta",
      formulas: [
        `u = ${num(step.u)}, z = Φ⁻¹(Φ(α) + Z u) = ${num(z)}`,
        `theta = exp(mu + sigma z) = exp(${plain(view.mu)} + ${plain(view.sigma)} · ${factor(z)}) = ${num(theta)}`,
      ],
      says: "u is uniform on 0 to 1, and new for every example. [a, b] limits what theta can be.",
    },
    {
      name: "2 Forward",
      formulas: [
        `output = w · x · theta = 1 · 1 · ${num(theta)} = ${num(theta)}`,
        `nll = (1 − output)² / 2 = (1 − ${num(theta)})² / 2 = ${num(nll)}`,
      ],
      says: "With theta = 1 the output would be right: all of the error is theta’s.",
    },
    {
      name: "3 The data",
      formulas: [
        `∂nll/∂log sigma = (theta − 1) · theta · ∂log theta/∂log sigma = ${factor(residual)} · ${num(theta)} · ${factor(step.x_by_log_scale)} = ${num(pull)}`,
        `∂nll/∂mu = (theta − 1) · theta · ∂log theta/∂mu = ${factor(residual)} · ${num(theta)} · ${factor(step.x_by_loc)} = ${num(step.nll_by_loc)}`,
      ],
      says: pull > 0
        ? "The data pull sigma down: with less noise this error would be smaller."
        : "This theta asks for a larger sigma; the next may ask for a smaller one.",
    },
    {
      name: "4 The KL",
      formulas: [
        `1/n · ∂KL/∂log sigma = ${factor(10 * push)} / 10 = ${num(push)}`,
        `1/n · ∂KL/∂mu = ${factor(10 * step.kl_by_loc)} / 10 = ${num(step.kl_by_loc)}`,
      ],
      says: `The KL ${push < 0 ? "pushes sigma up" : "pulls sigma down"}, towards the prior. The n = 10 examples share it.`,
    },
    {
      name: "5 New SNR",
      formulas: [
        `log sigma: ${num(pull)} + ${factor(push)} = ${num(bySigma)}, so sigma ${moves(-bySigma)} from ${plain(view.sigma)} to ${num(sigma)}`,
        `mu: ${num(step.nll_by_loc)} + ${factor(step.kl_by_loc)} = ${num(byMu)}, so mu ${moves(-byMu)} from ${plain(view.mu)} to ${num(step.loc)}`,
        `SNR = mean / sd = ${num(step.mean, 4)} / ${num(step.mean / step.snr, 4)} = ${snrWords(step.snr)}; it was ${snrWords(before)}`,
      ],
      says: `${side}: sigma ${moves(-bySigma)}, the SNR ${snrWords(step.snr) === snrWords(before) ? "stays" : moves(step.snr - before)}. Adam moves mu and log sigma by its rate, 0.1, whatever the size of the sum.`,
    },
  ];
}
