// The pictures: grids of square cells on a canvas.
import { channelsOf, mix } from "../../shared/js/colours.js";
import { fit } from "../../shared/js/dom.js";
import { readTheme } from "../../shared/js/theme.js";

export function pixelTheme(root, colours, scales) {
  const of = (mode) => ({ colours: colours[mode], scale: scales[mode] });
  const theme = readTheme(root, { light: of("light"), dark: of("dark") });
  const { dark, background, text, scale, colours: own } = theme;
  return {
    ...theme,
    // Paper and ink of a digit; what is pruned is the scale's lowest colour.
    paper: dark ? [8, 13, 18] : [255, 255, 255], ink: dark ? [240, 245, 250] : [16, 24, 32],
    pruned: [...scale.slice(0, 3)], lost: channelsOf(own.pruned), never: mix(background, text, 0.05), hatch: mix(background, text, 0.5), edge: own.kept,
  };
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
  const { ctx, width, height } = fit(canvas);
  if (width < 20) return;
  const { rows, columns, x, y } = layout(grid, width, height);
  const space = gaps ? 1 : 0;
  const each = (visit) => {
    for (let row = 0; row < rows; row += 1) for (let column = 0; column < columns; column += 1) if (grid[row][column] >= 0) visit(grid[row][column], row, column);
  };
  each((unit, row, column) => {
    ctx.fillStyle = never?.[unit] ? theme.never : colour(unit);
    ctx.fillRect(x(column), y(row), x(column + 1) - x(column) - space, y(row + 1) - y(row) - space);
  });
  if (never) hatch(ctx, theme, each, never, x, y, width, height);
  if (!keep) return;
  ctx.strokeStyle = theme.edge;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  const kept = (row, column) => grid[row]?.[column] >= 0 && keep[grid[row][column]];
  each((unit, row, column) => {
    if (!keep[unit]) return;
    if (!kept(row - 1, column)) { ctx.moveTo(x(column), y(row)); ctx.lineTo(x(column + 1), y(row)); }
    if (!kept(row + 1, column)) { ctx.moveTo(x(column), y(row + 1)); ctx.lineTo(x(column + 1), y(row + 1)); }
    if (!kept(row, column - 1)) { ctx.moveTo(x(column), y(row)); ctx.lineTo(x(column), y(row + 1)); }
    if (!kept(row, column + 1)) { ctx.moveTo(x(column + 1), y(row)); ctx.lineTo(x(column + 1), y(row + 1)); }
  });
  ctx.stroke();
}

function hatch(ctx, theme, each, never, x, y, width, height) {
  ctx.save();
  ctx.beginPath();
  each((unit, row, column) => never[unit] && ctx.rect(x(column), y(row), x(column + 1) - x(column), y(row + 1) - y(row)));
  ctx.clip();
  ctx.strokeStyle = theme.hatch;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let start = -height; start < width; start += 5) {
    ctx.moveTo(start, height);
    ctx.lineTo(start + height, 0);
  }
  ctx.stroke();
  ctx.restore();
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
export const prunedColour = (theme, lost) => mix(theme.pruned, theme.lost, 0.85 * Math.min(1, lost));
