// Dragging on the figures themselves: the point on the map; mu, a and b on the density of log theta.
import { logScale } from "./density.js";
import { mapScales } from "./map.js";

const NEAR_WALL = 12;
const NEAR_POINT = 44;

export function attachDrag(root, gate) {
  const map = root.querySelector(".map canvas");
  const density = root.querySelector(".log canvas");

  const place = (canvas, event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, { width: box.width, height: box.height }];
  };

  const moveOnMap = (event) => {
    const [px, py, size] = place(map, event);
    const { x, y } = mapScales(gate.view, size);
    gate.set({ mu: x.invert(px), sigma: Math.exp(y.invert(py)) });
  };
  const nearPoint = (event) => {
    const [px, py, size] = place(map, event);
    const { x, y } = mapScales(gate.view, size);
    return Math.hypot(px - x(gate.view.mu), py - y(Math.log(gate.view.sigma))) < NEAR_POINT;
  };

  const moveOnDensity = (event) => {
    const [px, , size] = place(density, event);
    gate.set({ [gate.dragging]: logScale(gate.frame ?? gate.view, size.width).invert(px) });
  };
  const grabbed = (event) => {
    const [px, , size] = place(density, event);
    const x = logScale(gate.view, size.width);
    const walls = [["a", Math.abs(px - x(gate.view.a))], ["b", Math.abs(px - x(gate.view.b))]].sort((one, other) => one[1] - other[1]);
    const toMu = Math.abs(px - x(gate.view.mu));
    return walls[0][1] < NEAR_WALL && walls[0][1] < toMu ? walls[0][0] : "mu";
  };

  const end = (canvas) => (event) => {
    if (gate.dragging === null) return;
    if (canvas.hasPointerCapture(event.pointerId)) canvas.releasePointerCapture(event.pointerId);
    [gate.dragging, gate.frame] = [null, null];
    gate.request();
    gate.release();
  };

  // A finger that starts away from the point scrolls the page; a tap still puts the point there.
  map.ontouchstart = (event) => { if (event.touches.length === 1 && nearPoint(event.touches[0])) event.preventDefault(); };
  map.onpointerdown = (event) => {
    if (event.button !== 0) return;
    gate.stopMoving();
    if (event.pointerType === "touch" && !nearPoint(event)) return;
    gate.dragging = "map";
    map.setPointerCapture(event.pointerId);
    moveOnMap(event);
  };
  map.onpointermove = (event) => { if (gate.dragging === "map") moveOnMap(event); };
  map.onclick = (event) => {
    if (event.pointerType !== "touch") return;
    moveOnMap(event);
    gate.release();
  };

  density.onpointerdown = (event) => {
    if (event.button !== 0) return;
    gate.stopMoving();
    gate.dragging = grabbed(event);
    // The axis keeps still while one of its own ends is moved.
    gate.frame = { ...gate.view };
    density.setPointerCapture(event.pointerId);
    moveOnDensity(event);
  };
  density.onpointermove = (event) => {
    if (gate.dragging !== null && gate.dragging !== "map") moveOnDensity(event);
    else density.style.cursor = grabbed(event) === "mu" ? "grab" : "ew-resize";
  };
  for (const canvas of [map, density]) {
    canvas.onpointerup = end(canvas);
    canvas.onpointercancel = end(canvas);
  }

  const arrows = (moves) => (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    gate.stopMoving();
    const step = (event.shiftKey ? 10 : 1) * 0.1;
    const [dx, dy] = moves[event.key];
    gate.set({ mu: gate.view.mu + dx * step, sigma: gate.view.sigma * Math.exp(dy * step) });
    clearTimeout(gate.soon);
    gate.soon = setTimeout(() => gate.release(), 250);
  };
  const sideways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  map.onkeydown = arrows({ ...sideways, ArrowUp: [0, 1], ArrowDown: [0, -1] });
  density.onkeydown = arrows(sideways);
}
