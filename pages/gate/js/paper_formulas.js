// The paper's formulas exactly as they are printed, in the arithmetic of a float32 or a float64 program.
// Nothing here is used for anything but to show where they break. Sources: eq. 17, 19, 20, Appendices D and E.

const ROOT2 = Math.SQRT2;

// erfcx(x) = exp(x^2) erfc(x) for x >= 2 by its continued fraction (Lentz's method), in double precision.
function erfcxFraction(x) {
  let f = x;
  let c = x;
  let d = 0;
  for (let k = 1; k < 400; k++) {
    d = 1 / (x + (k / 2) * d);
    c = x + k / 2 / c;
    f *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return 1 / (f * Math.sqrt(Math.PI));
}

// erf by its series of positive terms, erf(x) = 2/sqrt(pi) e^(-x^2) sum of 2^k x^(2k+1) / (2k+1)!!, for |x| < 2.
function erfSeries(x) {
  let term = x;
  let sum = x;
  for (let k = 1; k < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function erf(x) {
  if (Math.abs(x) < 2) return erfSeries(x);
  return Math.sign(x) * (1 - Math.exp(-x * x) * erfcxFraction(Math.abs(x)));
}

// Overflows for x below -26.6 in double precision (and, rounded, below -9.4 in single): as every library's does.
export function erfcx(x) {
  if (x >= 2) return erfcxFraction(x);
  if (x > -2) return Math.exp(x * x) * (1 - erfSeries(x));
  return 2 * Math.exp(x * x) - erfcxFraction(-x);
}

// round(x) is applied after every operation: Math.fround gives what a float32 program gets, the identity a float64 one.
export const PRECISIONS = { float32: Math.fround, float64: (x) => x };

function standardised({ mu, sigma, a, b }, r) {
  const [m, s, low, high] = [r(mu), r(sigma), r(a), r(b)];
  const Phi = (x) => r(0.5 * r(1 + r(erf(r(x / ROOT2)))));
  const phi = (x) => r(r(Math.exp(r(-0.5 * r(x * x)))) / r(Math.sqrt(2 * Math.PI)));
  const alpha = r(r(low - m) / s);
  const beta = r(r(high - m) / s);
  const Z = r(Phi(beta) - Phi(alpha));
  return { m, s, low, high, Phi, phi, alpha, beta, Z };
}

// Eq. 17. Parts are returned besides the value, so that the page can say what went wrong.
function kl17(gate, r) {
  const { s, low, high, phi, alpha, beta, Z } = standardised(gate, r);
  const first = r(Math.log(r(r(high - low) / r(Math.sqrt(r(r(2 * Math.PI * Math.E) * r(s * s)))))));
  const edge = r(r(r(alpha * phi(alpha)) - r(beta * phi(beta))) / r(2 * Z));
  return { value: r(r(first - r(Math.log(Z))) - edge), Z };
}

// Eq. 20.
function mean20(gate, r) {
  const { m, s, low, high, Phi, Z } = standardised(gate, r);
  const factor = r(Math.exp(r(m + r(r(s * s) / 2))));
  const difference = r(Phi(r(r(r(r(s * s) + m) - low) / s)) - Phi(r(r(r(r(s * s) + m) - high) / s)));
  return { value: r(r(factor / Z) * difference), Z, factor, difference };
}

function snrParts(gate, r) {
  const { s, Phi, alpha, beta, Z } = standardised(gate, r);
  const first = r(Phi(r(s - alpha)) - Phi(r(s - beta)));
  const second = r(r(Math.exp(r(s * s))) * r(Phi(r(r(2 * s) - alpha)) - Phi(r(r(2 * s) - beta))));
  return { first, second, Z, factor: r(Math.exp(r(s * s))), difference: first };
}

// Eq. 19: Z stands under a root in the numerator only, which leaves it multiplying the squared term too.
function snr19(gate, r) {
  const { first, second, Z, factor, difference } = snrParts(gate, r);
  const under = r(second - r(first * first));
  return { value: r(r(first / r(Math.sqrt(Z))) / r(Math.sqrt(under))), Z, under, factor, difference };
}

// Appendix D's last line.
function snrD(gate, r) {
  const { first, second, Z, factor, difference } = snrParts(gate, r);
  const under = r(r(Z * second) - r(first * first));
  return { value: r(first / r(Math.sqrt(under))), Z, under, factor, difference };
}

// The brackets of Appendix E: k = 1 for the mean, k = 2 for the second moment.
function bracket({ m, s, low, high, alpha, beta }, k, r) {
  const end = (bound, z) => {
    const tail = r(erfcx(r(r(r(k * s) - z) / ROOT2)));
    const height = r(Math.exp(r(r(k * r(bound - m)) - r(r(z * z) / 2))));
    return { value: r(tail * height), tail };
  };
  const [upper, lower] = [end(high, beta), end(low, alpha)];
  return { value: r(upper.value - lower.value), tail: Math.max(upper.tail, lower.tail) };
}

function meanE(gate, r) {
  const q = standardised(gate, r);
  const one = bracket(q, 1, r);
  return { value: r(r(r(Math.exp(q.m)) * r(1 / r(2 * q.Z))) * one.value), Z: q.Z, factor: one.tail };
}

function snrE(square) {
  return (gate, r) => {
    const q = standardised(gate, r);
    const [one, two] = [bracket(q, 1, r), bracket(q, 2, r)];
    const last = square ? r(one.value * one.value) : one.value;
    const under = r(r(r(2 * q.Z) * two.value) - last);
    return { value: r(one.value / r(Math.sqrt(under))), Z: q.Z, under, factor: Math.max(one.tail, two.tail) };
  };
}

// What each formula is a formula for ("mean", "snr", "kl": the name in describe()), and what is misprinted in it.
export const FORMULAS = [
  { id: "eq20", quantity: "mean", name: "E, eq. 20", slip: "", evaluate: mean20 },
  { id: "meanE", quantity: "mean", name: "E, Appendix E", slip: "", evaluate: meanE },
  { id: "eq19", quantity: "snr", name: "SNR, eq. 19", slip: "Z also multiplies the squared term", evaluate: snr19 },
  { id: "snrD", quantity: "snr", name: "SNR, Appendix D", slip: "", evaluate: snrD },
  { id: "snrE", quantity: "snr", name: "SNR, Appendix E", slip: "the last bracket is not squared", evaluate: snrE(false) },
  { id: "snrE2", quantity: "snr", name: "SNR, Appendix E, squared", slip: "", evaluate: snrE(true) },
  { id: "eq17", quantity: "kl", name: "KL, eq. 17", slip: "", evaluate: kl17 },
];

// How a printed formula fares: "right" to 1e-3, "wrong", "infinite" or "nan", with the reason in words.
export function judge(formula, gate, truth, precision) {
  const parts = formula.evaluate(gate, PRECISIONS[precision]);
  const { value } = parts;
  const error = Math.abs(value - truth) / Math.abs(truth);
  if (Number.isFinite(value) && error <= 1e-3) return { verdict: "right", value, error, why: "" };
  const verdict = Number.isNaN(value) ? "nan" : Number.isFinite(value) ? "wrong" : "infinite";
  return { verdict, value, error, why: reason(parts, formula) };
}

function reason({ value, Z, under, factor, difference }, formula) {
  const wrong = Number.isFinite(value);
  if (Z === 0) return "Z rounds to 0";
  if (factor === Infinity) return difference === undefined ? "erfcx overflows" : "exp(sigma²) overflows";
  if (under < 0) return formula.slip || "the root of a negative number";
  if (under === 0) return "the variance rounds to 0";
  if (formula.slip && wrong) return formula.slip;
  return "near-equal numbers are subtracted";
}
