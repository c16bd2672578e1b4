// The pictures: grids of square cells on a canvas as sharp as the screen.

const numbers = (colour) => (colour.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
const mix = (one, other, share) => `rgb(${one.map((value, k) => Math.round(value + (other[k] - value) * share)).join(",")})`;
const hex = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

export function readTheme(root, colours, scales) {
  const probe = root.appendChild(document.createElement("span"));
  const resolve = (name, fallback) => {
    probe.style.color = fallback;
    probe.style.color = `var(${name}, ${fallback})`;
    return numbers(getComputedStyle(probe).color);
  };
  const ground = resolve("--st-background-color", "#ffffff");
  const text = resolve("--st-text-color", "#1b2733");
  probe.remove();
  const dark = 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2] < 128;
  const scale = dark ? scales.dark : scales.light;
  const own = dark ? colours.dark : colours.light;
  return {
    dark, text, scale, colours: own,
    // Paper and ink of a digit; what has gone is the scale's lowest colour.
    paper: dark ? [8, 13, 18] : [255, 255, 255], ink: dark ? [240, 245, 250] : [16, 24, 32],
    gone: [...scale.slice(0, 3)], lost: hex(own.pruned), never: mix(ground, text, 0.05), hatch: mix(ground, text, 0.5), edge: own.kept,
  };
}

function fit(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  const ink = canvas.getContext("2d");
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  return { ink, width, height };
}

// Where the cells of a grid [[unit or -1, ...], ...] stand in a canvas: square, as large as they fit, in the middle.
export function layout(grid, width, height) {
  const [rows, columns] = [grid.length, grid[0].length];
  const cell = Math.min((width - 1) / columns, (height - 1) / rows); // the border of the last cell is inside
  const [left, top] = [(width - cell * columns) / 2, (height - cell * rows) / 2];
  const x = (column) => Math.round(left + column * cell);
  const y = (row) => Math.round(top + row * cell);
  return { rows, columns, cell, x, y, at: (px, py) => grid[Math.floor((py - top) / cell)]?.[Math.floor((px - left) / cell)] ?? -1 };
}

// Fills each unit's cell with colour(unit); then hatches those of `never` and draws the border of the kept.
export function paintGrid(canvas, grid, theme, { colour, keep = null, never = null, gaps = false }) {
  const { ink, width, height } = fit(canvas);
  if (width < 20) return;
  const { rows, columns, x, y } = layout(grid, width, height);
  const space = gaps ? 1 : 0;
  const each = (visit) => {
    for (let row = 0; row < rows; row += 1) for (let column = 0; column < columns; column += 1) if (grid[row][column] >= 0) visit(grid[row][column], row, column);
  };
  each((unit, row, column) => {
    ink.fillStyle = never?.[unit] ? theme.never : colour(unit);
    ink.fillRect(x(column), y(row), x(column + 1) - x(column) - space, y(row + 1) - y(row) - space);
  });
  if (never) hatch(ink, theme, each, never, x, y, width, height);
  if (!keep) return;
  ink.strokeStyle = theme.edge;
  ink.lineWidth = 1.5;
  ink.beginPath();
  const kept = (row, column) => grid[row]?.[column] >= 0 && keep[grid[row][column]];
  each((unit, row, column) => {
    if (!keep[unit]) return;
    if (!kept(row - 1, column)) { ink.moveTo(x(column), y(row)); ink.lineTo(x(column + 1), y(row)); }
    if (!kept(row + 1, column)) { ink.moveTo(x(column), y(row + 1)); ink.lineTo(x(column + 1), y(row + 1)); }
    if (!kept(row, column - 1)) { ink.moveTo(x(column), y(row)); ink.lineTo(x(column), y(row + 1)); }
    if (!kept(row, column + 1)) { ink.moveTo(x(column + 1), y(row)); ink.lineTo(x(column + 1), y(row + 1)); }
  });
  ink.stroke();
}

function hatch(ink, theme, each, never, x, y, width, height) {
  ink.save();
  ink.beginPath();
  each((unit, row, column) => never[unit] && ink.rect(x(column), y(row), x(column + 1) - x(column), y(row + 1) - y(row)));
  ink.clip();
  ink.strokeStyle = theme.hatch;
  ink.lineWidth = 1;
  ink.beginPath();
  for (let start = -height; start < width; start += 5) {
    ink.moveTo(start, height);
    ink.lineTo(start + height, 0);
  }
  ink.stroke();
  ink.restore();
}

export const inkColour = (theme, value) => mix(theme.paper, theme.ink, Math.min(1, Math.max(0, value)));
export const rgbColour = (values, unit, factor) => {
  const size = values.length / 3;
  return `rgb(${[0, 1, 2].map((channel) => Math.round(255 * Math.min(1, values[channel * size + unit] * factor))).join(",")})`;
};
// How bright each pixel is: the mean of its colours.
export const light = (image, channels) => (channels === 1 ? image : Float32Array.from({ length: image.length / channels }, (_, unit) => {
  let sum = 0;
  for (let at = unit; at < image.length; at += image.length / channels) sum += image[at];
  return sum / channels;
}));
export const goneColour = (theme, lost) => mix(theme.gone, theme.lost, 0.85 * Math.min(1, lost));
export const levelColour = (theme, level) => `rgb(${theme.scale[3 * level]},${theme.scale[3 * level + 1]},${theme.scale[3 * level + 2]})`;
