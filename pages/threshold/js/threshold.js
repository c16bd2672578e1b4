// The hand on the threshold: drag the picture or the slider, arrow keys, a number. Python says every sentence in advance
// and hears only where the hand came to rest; what is shown while it moves asks nobody.

import { element, embedded } from "../../shared/js/dom.js";
import { readTheme } from "../../shared/js/theme.js";
import { makePlot } from "./plot.js";
import { nearest, placeOf, thresholdAt, typed } from "./thresholds.js";

const known = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".threshold");
  let board = known.get(root);
  if (!board) known.set(root, (board = makeBoard(root)));
  board.report = (t) => setStateValue("t", t);
  board.show(data);
  return () => board.stop();
}

function makeBoard(root) {
  root.classList.toggle("embedded", embedded());
  const find = (selector) => root.querySelector(selector);
  const svg = find(".plot");
  const slider = find(".hand");
  const box = find(".box input");
  const plot = makePlot(svg);
  const board = { report: null };
  let data = null;
  let picture = "";
  let index = 0;
  let asked = null;
  let said = []; // by the hand, up to the last place that Python has answered
  let dragging = false;
  let waiting = 0;
  let rows = [];

  root.style.setProperty("--left", `${plot.left}px`);
  root.style.setProperty("--right", `${plot.right}px`);

  board.show = (next) => {
    const before = data ? data.thresholds[index] : null;
    data = { ...next, ...coloursOf(next) };
    // The place given by Python counts only when it is news: what the hand said itself never moves it back, neither the
    // last place nor, where the server is slow to answer, one before it.
    const same = (t) => Math.abs(next.t - t) < 1e-9;
    const told = asked === null || (!said.some(same) && !dragging);
    if (told) asked = next.t;
    if (same(asked)) said = [asked];
    index = nearest(data.thresholds, told ? next.t : before);
    const lines = data.headlines.map((parts) => parts.join(""));
    find(".headline").dataset.longest = lines.reduce((best, one) => (one.length > best.length ? one : best), "");
    buildReadout();
    buildMarks();
    const now = JSON.stringify([next.thresholds, next.error, next.lines, next.prior, data.dark, svg.clientWidth]);
    if (now !== picture && plot.build(data)) picture = now;
    draw();
    watch.observe(svg);
  };

  board.stop = () => {
    watch.disconnect();
    clearTimeout(waiting);
  };

  const watch = new ResizeObserver(() => {
    if (plot.build(data)) draw();
  });

  function coloursOf(next) {
    const colours = readTheme(root, next);
    return { dark: colours.dark, colours, lines: next.lines.map((line) => ({ ...line, colour: line.colour || colours.ink })) };
  }

  function buildReadout() {
    const first = data.readouts[0];
    rows = first.map((cell, i) => {
      const row = element("div", { className: i < data.layers ? "row" : "row total" });
      const value = element("span");
      row.append(element("span", { textContent: cell.name }), value);
      const note = element("small");
      const room = element("div", { className: "room" });
      const fill = element("i");
      if (i < data.layers) {
        fill.style.background = data.lines[i].colour;
        room.append(fill);
        row.append(room);
      } else row.append(note);
      return { row, value, note, fill };
    });
    root.classList.toggle("many", data.many);
    find(".readout").replaceChildren(...rows.map((row) => row.row));
  }

  function buildMarks() {
    const buttons = data.marks.map((mark) => {
      const button = element("button", { type: "button", textContent: mark.text, title: mark.help, "data-index": mark.index });
      button.onclick = () => go(mark.index, true);
      return button;
    });
    find(".marks").replaceChildren(...buttons);
  }

  function draw() {
    const t = data.thresholds[index];
    plot.move(index, t, data.says[index]);
    const words = data.headlines[index].map((text, i) => (i % 2 ? element("b", { textContent: text }) : text));
    find(".headline span").replaceChildren(...words);
    data.readouts[index].forEach((cell, i) => {
      rows[i].value.textContent = cell.value;
      rows[i].note.textContent = cell.note || "";
      rows[i].fill.style.width = `${cell.percent ?? 0}%`;
    });
    slider.value = String(placeOf(t));
    slider.setAttribute("aria-valuetext", `SNR ${data.says[index]}: ${data.headlines[index].join("")}`);
    if (box !== root.getRootNode().activeElement) box.value = data.says[index];
    for (const button of find(".marks").children) button.setAttribute("aria-pressed", String(Number(button.dataset.index) === index));
    svg.setAttribute("aria-label", `${data.alt} ${data.headlines[index].join("")}`);
    root.dataset.t = String(t);
  }

  function go(next, rest) {
    const moved = next !== index;
    index = next;
    if (moved) draw();
    clearTimeout(waiting);
    if (rest) waiting = setTimeout(say, 250);
  }

  function say() {
    const t = Number(data.thresholds[index].toPrecision(4));
    if (t === asked) return;
    asked = t;
    said.push(t);
    board.report(t);
  }

  const follow = (event) => go(nearest(data.thresholds, plot.under(event.clientX - svg.getBoundingClientRect().left)), false);
  svg.onpointerdown = (event) => {
    if (event.button) return;
    dragging = true;
    svg.setPointerCapture(event.pointerId);
    follow(event);
  };
  svg.onpointermove = (event) => dragging && follow(event);
  svg.onpointerup = svg.onpointercancel = () => {
    if (!dragging) return;
    dragging = false;
    slider.focus({ preventScroll: true });
    go(index, true);
  };
  slider.onpointerdown = () => (dragging = true);
  slider.oninput = () => go(nearest(data.thresholds, thresholdAt(Number(slider.value))), !dragging);
  slider.onchange = () => {
    dragging = false;
    go(index, true);
    draw(); // the thumb snaps to the stop that the rule stands at
  };
  slider.onkeydown = (event) => {
    const last = data.thresholds.length - 1;
    const keys = { ArrowRight: index + 1, ArrowUp: index + 1, ArrowLeft: index - 1, ArrowDown: index - 1, PageUp: index + 5, PageDown: index - 5, Home: 0, End: last };
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(Math.min(Math.max(keys[event.key], 0), last), true);
  };
  slider.onpointerup = () => (dragging = false);
  box.onchange = () => {
    const t = typed(box.value);
    if (t !== null) go(nearest(data.thresholds, t), true);
    box.value = data.says[index];
  };
  box.onkeydown = (event) => {
    if (event.key === "Enter") box.onchange();
  };
  return board;
}
