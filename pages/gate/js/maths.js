// The truncated log-normal in JavaScript: log theta = x ~ N(mu, sigma^2) cut to [a, b].
//
// The same quadrature as sbp/distributions/moments.py, for one gate at a time: every quantity is a sum of positive
// terms over Gauss-Legendre nodes that lie where the integrand lives, so nothing cancels and nothing overflows.
// nu = mu + k sigma^2 is the centre of e^(k x) N(x | mu, sigma^2), m = clip(nu, a, b) its mode on [a, b], s = x - m,
// and g(s) = -s (s + 2 (m - nu)) / (2 sigma^2) its log height relative to the mode, never above 0.

// Gauss-Legendre nodes and weights on [-1, 1], by Newton's method on the Legendre polynomial.
export function legendre(n) {
  const node = new Float64Array(n);
  const weight = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 100; step++) {
      let [previous, value] = [1, x];
      for (let k = 2; k <= n; k++) [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k];
      slope = (n * (x * value - previous)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    node[i] = -x;
    weight[i] = 2 / ((1 - x * x) * slope * slope);
  }
  return { n, node, weight };
}

// exp(-reach) is what is left out at each end. FINE is exact to rounding; COARSE is for maps, right to 1e-4.
export const FINE = { ...legendre(48), reach: 40 };
export const COARSE = { ...legendre(16), reach: 14 };

// Below this value of log E[theta^2] - 2 log E[theta] the variance is summed about the mean instead.
const NARROW = 0.1;

const clip = (x, low, high) => Math.min(Math.max(x, low), high);

// A tilted density e^(k x) N(x | mu, sigma^2) on [a, b]: its mode, its nodes s with masses p, and its mass.
function newPeak(rule) {
  return { rule, mode: 0, mass: 0, start: 0, end: 0, s: new Float64Array(rule.n), g: new Float64Array(rule.n), p: new Float64Array(rule.n) };
}

function fillPeak(peak, mu, sigma, a, b, k) {
  const { n, node, weight, reach } = peak.rule;
  const nu = mu + k * sigma * sigma;
  const mode = clip(nu, a, b);
  const offset = Math.abs(mode - nu);
  const room = 2 * reach * sigma * sigma;
  // Where g(s) = -reach: solves s^2 + 2 s offset = room, in the form without cancellation.
  const width = room / (offset + Math.sqrt(offset * offset + room));
  peak.start = Math.max(a - mode, -width);
  peak.end = Math.min(b - mode, width);
  const half = (peak.end - peak.start) / 2;
  const distance = mode === nu ? 0 : (mode - mu) / sigma - k * sigma;
  let mass = 0;
  for (let i = 0; i < n; i++) {
    const s = peak.start + half * (1 + node[i]);
    const z = s / sigma;
    const g = -z * (z / 2 + distance);
    const p = half * weight[i] * Math.exp(g);
    peak.s[i] = s;
    peak.g[i] = g;
    peak.p[i] = p;
    mass += p;
  }
  peak.mode = mode;
  peak.mass = mass;
  return peak;
}

const store = new Map();
function peaksFor(rule) {
  if (!store.has(rule)) store.set(rule, [newPeak(rule), newPeak(rule), newPeak(rule)]);
  return store.get(rule);
}

// log E[theta^k] = k m' + (m - m')(m + m' - 2 mu) / (2 sigma^2) + log mass' - log mass.
function logMeanPower(base, tilted, mu, sigma, k) {
  const shift = (((base.mode - tilted.mode) / sigma) * ((base.mode + tilted.mode - 2 * mu) / sigma)) / 2;
  return k * tilted.mode + shift + Math.log(tilted.mass / base.mass);
}

function snrOf(base, logMean, logSecond) {
  const r = logSecond - 2 * logMean;
  if (r > NARROW) return Math.exp(-r / 2) / Math.sqrt(-Math.expm1(-r));
  const { n } = base.rule;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += base.p[i] * Math.expm1(base.s[i]);
  mean /= base.mass;
  let variance = 0;
  for (let i = 0; i < n; i++) variance += base.p[i] * (Math.expm1(base.s[i]) - mean) ** 2;
  return (1 + mean) / Math.sqrt(variance / base.mass);
}

export function snrAt(mu, sigma, a, b, rule = COARSE) {
  const [base, one, two] = peaksFor(rule);
  fillPeak(base, mu, sigma, a, b, 0);
  const first = logMeanPower(base, fillPeak(one, mu, sigma, a, b, 1), mu, sigma, 1);
  return snrOf(base, first, logMeanPower(base, fillPeak(two, mu, sigma, a, b, 2), mu, sigma, 2));
}

export function meanAt(mu, sigma, a, b, rule = COARSE) {
  const [base, one] = peaksFor(rule);
  fillPeak(base, mu, sigma, a, b, 0);
  return Math.exp(logMeanPower(base, fillPeak(one, mu, sigma, a, b, 1), mu, sigma, 1));
}

// KL(q || p) = log(b - a) - H[log theta]. Where q is nearly the prior the two agree to many digits; there, with
// t = g minus its plain average over [a, b] and A = avg(e^t - 1 - t), KL = avg(t (e^t - 1)) / (1 + A) - log(1 + A).
export function klAt(mu, sigma, a, b, rule = COARSE) {
  const steep = (b - a) / 2 / sigma;
  const slope = ((a + b) / 2 - mu) / sigma;
  if ((Math.abs(slope) + steep) * steep < 0.5) {
    let excess = 0;
    let spread = 0;
    for (let i = 0; i < rule.n; i++) {
      const u = rule.node[i];
      const t = (-steep * (2 * slope * u + steep * (u * u - 1 / 3))) / 2;
      const e = Math.expm1(t);
      excess += (rule.weight[i] / 2) * (Math.abs(t) < 1e-2 ? t * t * (1 / 2 + t * (1 / 6 + t * (1 / 24 + t * (1 / 120 + t / 720)))) : e - t);
      spread += (rule.weight[i] / 2) * t * e;
    }
    return spread / (1 + excess) - Math.log1p(excess);
  }
  const base = fillPeak(peaksFor(rule)[0], mu, sigma, a, b, 0);
  return Math.log(b - a) - entropyOf(base);
}

function entropyOf(base) {
  let meanLog = 0;
  for (let i = 0; i < base.rule.n; i++) meanLog += base.p[i] * base.g[i];
  return Math.log(base.mass) - meanLog / base.mass;
}

// Everything the page says about one gate.
export function describe({ mu, sigma, a, b }) {
  const kl = klAt(mu, sigma, a, b, FINE);
  const snr = snrAt(mu, sigma, a, b, FINE); // leaves the three peaks filled
  const [base, one] = peaksFor(FINE);
  const logMean = logMeanPower(base, one, mu, sigma, 1);
  const mean = Math.exp(logMean);
  let offset = 0;
  for (let i = 0; i < FINE.n; i++) offset += base.p[i] * base.s[i];
  const meanLog = base.mode + offset / base.mass;
  const entropyLog = Math.log(b - a) - kl;
  const logMass = Math.log(base.mass);
  const gate = {
    mu, sigma, a, b, mean, logMean, snr, kl, meanLog, entropyLog,
    sd: mean / snr,
    entropy: entropyLog + meanLog,
    support: [base.mode + base.start, base.mode + base.end],
    mode: base.mode,
    // log Z = log(Phi(beta) - Phi(alpha))
    logZ: logMass - Math.log(sigma * Math.sqrt(2 * Math.PI)) - ((base.mode - mu) / sigma) ** 2 / 2,
    peak: 1 / base.mass,
  };
  // Log density of log theta at x, inside [a, b].
  gate.logDensity = (x) => {
    const s = x - gate.mode;
    return -((s / sigma) * ((s + 2 * (gate.mode - mu)) / sigma)) / 2 - logMass;
  };
  // The three terms of eq. 17. The last is (alpha phi(alpha) - beta phi(beta)) / (2 Z) with phi / Z = sigma q(bound).
  gate.terms = {
    width: Math.log((b - a) / (Math.sqrt(2 * Math.PI * Math.E) * sigma)),
    mass: -gate.logZ,
    edge: -((a - mu) * Math.exp(gate.logDensity(a)) - (b - mu) * Math.exp(gate.logDensity(b))) / 2,
  };
  return gate;
}

// The prior on an interval of this length: SNR = 1 / sqrt((L/2) coth(L/2) - 1), and E and sd at its own upper end b.
export function prior(a, b) {
  const half = (b - a) / 2;
  const excess = half > 1e-2 ? half / Math.tanh(half) - 1 : (half * half) / 3;
  const snr = 1 / Math.sqrt(excess);
  const mean = (Math.exp(b) * -Math.expm1(a - b)) / (b - a);
  return { snr, mean, sd: mean / snr };
}

// Where the prior's own SNR crosses 1: on a shorter interval a unit that knows nothing is never pruned.
export const CROSSING = (() => {
  let [low, high] = [3, 5];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (prior(0, middle).snr > 1) low = middle;
    else high = middle;
  }
  return low;
})();

const GAUSS3 = legendre(3);

// x with P(log theta <= x) = u, for a rising list of u: Newton's method on a cumulative sum of small panels.
export function quantiles(gate, us, panels = 160) {
  const [low, high] = gate.support;
  const step = (high - low) / panels;
  const density = (x) => Math.exp(gate.logDensity(x));
  const between = (from, to) => {
    let sum = 0;
    for (let j = 0; j < 3; j++) sum += GAUSS3.weight[j] * density(from + ((to - from) / 2) * (1 + GAUSS3.node[j]));
    return (sum * (to - from)) / 2;
  };
  const sums = new Float64Array(panels + 1);
  for (let i = 0; i < panels; i++) sums[i + 1] = sums[i] + between(low + i * step, low + (i + 1) * step);
  let i = 0;
  return us.map((u) => {
    const target = u * sums[panels];
    while (i < panels - 1 && sums[i + 1] < target) i++;
    const from = low + i * step;
    let x = from + (step * (target - sums[i])) / Math.max(sums[i + 1] - sums[i], 1e-300);
    for (let k = 0; k < 3; k++) {
      const d = density(x);
      if (d > 0) x = clip(x - (sums[i] + between(from, x) - target) / d, from, from + step);
    }
    return x;
  });
}
