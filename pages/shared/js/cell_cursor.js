// The cells of a canvas by keyboard: arrow keys walk from one to the next and read what a pointer would, Enter clicks.
import { element } from "./dom.js";

const WAYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity], PageUp: [-10, 0], PageDown: [10, 0] };
const LEAST = 8; // pixels of the mark's side, however small a cell is

// grid(): { rows, columns, box(row, column) -> [left, top, width, height] in CSS pixels, start: [row, column] }, or null
// before there is any.
// read(x, y) says what stands there, or nothing once the canvas is left; press(x, y) is a click.
export function walkCells(canvas, grid, { read, press = () => {} }) {
  const mark = element("i", { className: "cell-cursor", hidden: true });
  canvas.after(mark);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  let spot = null;

  function stand(act, [down, right] = [0, 0]) {
    const cells = grid();
    if (!cells) return;
    spot ??= cells.start ?? [0, 0];
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    spot = [within(spot[0] + down, cells.rows), within(spot[1] + right, cells.columns)];
    const [left, top, width, height] = cells.box(...spot);
    const [x, y, wide, high] = [left + width / 2, top + height / 2, Math.max(width, LEAST), Math.max(height, LEAST)];
    mark.hidden = false;
    Object.assign(mark.style, { left: `${canvas.offsetLeft + x - wide / 2}px`, top: `${canvas.offsetTop + y - high / 2}px`, width: `${wide}px`, height: `${high}px` });
    act(x, y);
  }

  canvas.onfocus = () => canvas.matches(":focus-visible") && stand(read);
  canvas.onblur = () => {
    mark.hidden = true;
    read(null);
  };
  canvas.onkeydown = (event) => {
    const way = WAYS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!way && event.key !== "Enter")) return;
    event.preventDefault(); // the page's own arrow keys move its clock
    if (way) stand(read, way);
    else stand(press);
  };
}
