// Colours as three channels of 0 to 255, and what is made of them.

// Channels of "#rrggbb", "rgb(r, g, b)" or of channels themselves.
export function channelsOf(colour) {
  if (typeof colour !== "string") return colour;
  if (colour.startsWith("#")) return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return (colour.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
}

export const alpha = (colour, opacity) => `rgba(${channelsOf(colour).join(", ")}, ${opacity})`;

// An opaque mixture, `share` of it `other`: neighbouring shapes of it leave no seam, as transparent ones do.
export function mix(one, other, share) {
  const [from, to] = [channelsOf(one), channelsOf(other)];
  return `rgb(${from.map((value, k) => Math.round(value + (to[k] - value) * share)).join(", ")})`;
}

export function isDark(colour) {
  const [r, g, b] = channelsOf(colour);
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

// The colour of a level, 0 to 255, of the theme's SNR scale.
export function colourOf({ scale }, level) {
  const at = 3 * Math.round(level);
  return `rgb(${scale[at]},${scale[at + 1]},${scale[at + 2]})`;
}

// The two parts of an SNR scale's legend, below and above 1: log10 SNR from -0.5 to 2.
export function paintLegend(theme, { low, high, one }, below, above) {
  const at = (log) => Math.round(((log - low) / (high - low)) * 255);
  const sweep = (from, to) => Array.from({ length: 9 }, (_, i) => colourOf(theme, from + ((to - from) * i) / 8)).join(",");
  below.style.background = `linear-gradient(to right, ${sweep(at(-0.5), one - 1)})`;
  above.style.background = `linear-gradient(to right, ${sweep(one, at(2))})`;
}
