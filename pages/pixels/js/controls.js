// The choice of what the network is shown, and the sheet to draw on.
import { extend, SIDE } from "./strokes.js";

export function attachControls(root, pixels) {
  const find = (selector) => root.querySelector(selector);
  for (const button of root.querySelectorAll(".kinds button")) button.onclick = () => pixels.set({ kind: button.dataset.kind });
  const go = (digit) => pixels.set({ kind: "digit", digit: (digit + pixels.given.count) % pixels.given.count });
  find(".before").onclick = () => go(pixels.view.digit - 1);
  find(".after").onclick = () => go(pixels.view.digit + 1);
  find(".random").onclick = () => go(Math.floor(Math.random() * pixels.given.count));
  const number = find(".number");
  number.onfocus = () => number.select();
  number.onchange = () => {
    const last = pixels.given.count - 1;
    const good = /^\s*\d+\s*$/.test(number.value) && Number(number.value) <= last;
    find(".hint").textContent = good ? "" : `Expected a whole number from 0 to ${last.toLocaleString("en-US")}.`;
    if (good) go(Number(number.value));
    else number.value = pixels.view.digit;
  };
  number.onkeydown = (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    go(pixels.view.digit + way);
  };
  find(".brush").oninput = () => pixels.set({ brush: Number(find(".brush").value) });
  find(".undo").onclick = () => pixels.set({ strokes: pixels.view.strokes.slice(0, -1) });
  find(".clear").onclick = () => pixels.set({ strokes: [] });
  attachSheet(find(".digit canvas"), pixels);
}

// Mouse, pen or finger: every move is drawn and computed within the next frame.
function attachSheet(canvas, pixels) {
  let stroke = null;
  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  canvas.onpointerdown = (event) => {
    if (pixels.view.kind !== "drawn" || event.button > 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    stroke = [];
    extend(stroke, spot(event));
    pixels.set({ strokes: [...pixels.view.strokes, stroke] });
  };
  canvas.onpointermove = (event) => {
    if (!stroke) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    const grown = (moves.length ? moves : [event]).map((move) => extend(stroke, spot(move))).some(Boolean);
    if (grown) pixels.redraw();
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!stroke) return;
    stroke = null;
    pixels.set({});
  };
  pixels.isDrawing = () => stroke !== null;
}
