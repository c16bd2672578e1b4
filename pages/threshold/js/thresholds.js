// Where the hand on the threshold may rest: places on a log axis, and the nearest one to a place or a number.

export const LOW = 0.2;
export const HIGH = 100;

// From a threshold to its share of the axis, 0 at 0.2 and 1 at 100, and back.
export const placeOf = (t) => Math.log(t / LOW) / Math.log(HIGH / LOW);
export const thresholdAt = (place) => LOW * (HIGH / LOW) ** Math.min(Math.max(place, 0), 1);

// Index of the stop nearest to a threshold on the log axis; the first of two that are equally near.
export function nearest(thresholds, t) {
  let best = 0;
  for (let i = 1; i < thresholds.length; i += 1) {
    if (Math.abs(Math.log(thresholds[i] / t)) < Math.abs(Math.log(thresholds[best] / t))) best = i;
  }
  return best;
}

// What was typed as a threshold; null unless it is a number above 0. A decimal comma is read as a point.
export function typed(text) {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() && Number.isFinite(value) && value > 0 ? Math.min(Math.max(value, LOW), HIGH) : null;
}
