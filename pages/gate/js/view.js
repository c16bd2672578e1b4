// The state of the page: four numbers, their limits, the presets. Python checks links against the same limits.

export const LIMITS = { a: [-40, 4.5], b: [-39.5, 5], sigma: [0.00034, 148], gap: 0.5, reach: 5 };

export const PRESETS = [
  { id: "initial", label: "At initialisation", view: { mu: 0, sigma: 0.006738, a: -20, b: 0 } },
  { id: "useful", label: "Useful", view: { mu: 0, sigma: 0.5, a: -20, b: 0 } },
  { id: "nearly", label: "Nearly pruned", view: { mu: 0, sigma: 2, a: -20, b: 0 } },
  { id: "pruned", label: "Pruned", view: { mu: -6, sigma: 20, a: -20, b: 0 } },
  { id: "short", label: "Interval too short", view: { mu: -1.5, sigma: 20, a: -3, b: 0 } },
];

const clamp = (x, [low, high]) => Math.min(Math.max(x, low), high);
const round = (x, step) => Number((Math.round(x / step) * step).toFixed(6));

// Brings a view into its limits, rounded to what its number boxes show. Of a and b, the one that moved gives way.
export function settle({ mu, sigma, a, b }, moved = {}) {
  a = round(clamp(a, LIMITS.a), 0.01);
  b = round(clamp(b, LIMITS.b), 0.01);
  if (b - a < LIMITS.gap) {
    if ("a" in moved) a = round(b - LIMITS.gap, 0.01);
    else b = round(a + LIMITS.gap, 0.01);
  }
  return {
    mu: round(clamp(mu, [a - LIMITS.reach, b + LIMITS.reach]), 0.01),
    sigma: Number(clamp(sigma, LIMITS.sigma).toPrecision(4)),
    a,
    b,
  };
}

// From one view to another: straight in mu, log sigma, a and b.
export function between(from, to, share) {
  const mix = (x, y) => x + (y - x) * share;
  return {
    mu: mix(from.mu, to.mu), a: mix(from.a, to.a), b: mix(from.b, to.b),
    sigma: Math.exp(mix(Math.log(from.sigma), Math.log(to.sigma))),
  };
}

export const same = (one, other) => ["mu", "sigma", "a", "b"].every((name) => Math.abs(one[name] - other[name]) < 1e-9);
