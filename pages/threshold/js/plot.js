// The two pictures on one axis of thresholds: error above, what remains below. Built once a size; only the hand moves.

import { placeOf, thresholdAt } from "./thresholds.js";

const TICKS = [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const LEFT = 48;
const RIGHT = 12;

function shape(name, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

export function makePlot(svg) {
  let x = null;
  let dots = [];
  let hand = null;
  let span = null;

  // data: thresholds, error (percent, or null), floor, lines [{name, colour, dash, width, percent}], prior, colours.
  function build(data) {
    const width = svg.clientWidth;
    const height = svg.clientHeight;
    if (width < 50) return false;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    dots = [];
    span = width - LEFT - RIGHT;
    x = (t) => LEFT + placeOf(t) * span;
    const bottom = height - 44;
    const above = { top: 26, bottom: Math.round(26 + (bottom - 26) * 0.43) };
    const below = data.error ? { top: above.bottom + 36, bottom } : { top: 28, bottom };
    if (data.error) errorPart(data, above);
    leftPart(data, below, width);
    axis(below.bottom, width);
    const nameRules = rules(data, data.error ? [above, below] : [below], width);
    hand = {
      line: svg.appendChild(shape("line", { class: "at", y1: data.error ? above.top : below.top, y2: below.bottom + 6 })),
      grip: svg.appendChild(shape("rect", { class: "grip", y: below.bottom + 4, width: 46, height: 20, rx: 5 })),
      value: svg.appendChild(shape("text", { class: "value", y: below.bottom + 18.5, "text-anchor": "middle" })),
    };
    nameRules();
    dots.forEach((dot) => svg.append(dot.node));
    return true;
  }

  function curve(thresholds, values, y, style) {
    const points = thresholds.map((t, i) => `${x(t).toFixed(1)},${y(values[i]).toFixed(1)}`);
    svg.append(shape("polyline", { class: "line", points: points.join(" "), stroke: style.colour, "stroke-width": style.width, "stroke-dasharray": style.dash.join(" ") }));
    dots.push({ y: values.map(y), node: shape("circle", { class: "dot", r: style.width > 2.5 ? 5.5 : 4.5, fill: style.colour }) });
  }

  function grid(box, ticks, y, say) {
    for (const tick of ticks) {
      const at = Math.round(y(tick)) + 0.5;
      svg.append(shape("line", { class: "grid", x1: LEFT, x2: LEFT + span, y1: at, y2: at }));
      svg.append(shape("text", { x: LEFT - 7, y: at + 4.5, "text-anchor": "end" }, say(tick)));
    }
  }

  function errorPart(data, box) {
    const log = (v) => Math.log10(Math.max(v, data.floor));
    const scale = (box.bottom - box.top) / (2 - log(data.floor));
    const y = (v) => box.bottom - (log(v) - log(data.floor)) * scale;
    const all = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].filter((v) => v >= data.floor * 0.999);
    const ticks = scale > 75 ? all : all.filter((v) => v === all[0] || (Number.isInteger(Math.log10(v)) && y(all[0]) - y(v) > 14));
    grid(box, ticks, y, String);
    svg.append(shape("text", { class: "title", x: 0, y: 14 }, data.errorTitle));
    curve(data.thresholds, data.error, y, { colour: data.colours.ink, dash: [], width: 2.75 });
  }

  function leftPart(data, box, width) {
    const y = (v) => box.bottom - (v / 100) * (box.bottom - box.top);
    grid(box, [0, 25, 50, 75, 100], y, String);
    const title = svg.appendChild(shape("text", { class: "title", x: 0, y: box.top - 12 }, width < 520 ? "Remaining, %" : "Remaining, % of the dense network"));
    let at = LEFT + span;
    for (const line of data.lines.filter((line) => line.name).reverse()) {
      const name = svg.appendChild(shape("text", { y: box.top - 12, x: 0 }, line.name));
      at -= name.getComputedTextLength();
      name.setAttribute("x", at);
      svg.append(shape("line", { x1: at - 26, x2: at - 6, y1: box.top - 16.5, y2: box.top - 16.5, stroke: line.colour, "stroke-width": line.width, "stroke-dasharray": line.dash.join(" ") }));
      at -= 38;
    }
    if (at < title.getComputedTextLength()) title.textContent = "%";
    for (const line of data.lines) curve(data.thresholds, line.percent, y, line);
  }

  function axis(bottom, width) {
    svg.append(shape("line", { class: "axis", x1: LEFT, x2: LEFT + span, y1: bottom + 0.5, y2: bottom + 0.5 }));
    for (const tick of width < 420 ? TICKS.filter((t) => ![0.5, 5, 50].includes(t)) : TICKS) {
      svg.append(shape("line", { class: "axis", x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5 }));
      svg.append(shape("text", { x: x(tick), y: bottom + 19, "text-anchor": tick === 100 ? "end" : "middle" }, String(tick)));
    }
    svg.append(shape("text", { x: LEFT + span, y: bottom + 39, "text-anchor": "end" }, "threshold on the SNR (log)"));
  }

  function rules(data, boxes, width) {
    const named = [
      { t: 1, text: "pruned below 1", colour: data.colours.pruned, dash: "" },
      { t: data.prior, text: `the prior's ${data.prior.toFixed(2)}`, colour: data.colours.reference, dash: "4 3" },
    ].filter((rule) => placeOf(rule.t) > 0);
    for (const { t, colour, dash } of named) {
      for (const { top, bottom } of boxes) {
        svg.append(shape("line", { x1: x(t), x2: x(t), y1: top, y2: bottom, stroke: colour, "stroke-width": 1.5, "stroke-dasharray": dash }));
      }
    }
    // Above every line, so that their halo keeps them readable.
    return () => {
      for (const [row, rule] of named.entries()) {
        const name = svg.appendChild(shape("text", { class: "rule", x: x(rule.t) + 6, y: boxes[0].top + 15 + 18 * row, style: `fill:${rule.colour}` }, rule.text));
        const over = x(rule.t) + 6 + name.getComputedTextLength() - width;
        if (over > 0) name.setAttribute("x", x(rule.t) + 4 - over);
      }
    };
  }

  function move(index, t, say) {
    if (!hand) return;
    const at = x(t);
    hand.line.setAttribute("x1", at);
    hand.line.setAttribute("x2", at);
    hand.grip.setAttribute("x", Math.min(Math.max(at - 23, 0), LEFT + span + RIGHT - 46));
    hand.value.setAttribute("x", Math.min(Math.max(at, 23), LEFT + span + RIGHT - 23));
    hand.value.textContent = say;
    for (const dot of dots) {
      dot.node.setAttribute("cx", at);
      dot.node.setAttribute("cy", dot.y[index]);
    }
  }

  const under = (offset) => thresholdAt((offset - LEFT) / span);
  return { build, move, under, left: LEFT, right: RIGHT };
}
