// Scalars by epoch: the bound and its terms, the error, the units of a layer that are kept. Axes span the whole run and stay.

import { minus, ticks } from "../js/numbers.js";
import { between, epochAxis, playhead, write } from "./canvas.js";
import { epochAt, sayEpoch } from "./film.js";

const KEY = 23; // px: a line's sample and the gap to its name
const ROW = 16;

// Where the names of lines stand: beside each other from `left` on, in more rows where they are wider than the picture.
function legend(ctx, theme, series, left, width) {
  const at = new Map();
  let [x, rows] = [left, 0];
  ctx.font = `400 12px ${theme.font}`;
  for (const s of series) {
    const wide = KEY + ctx.measureText(s.name).width;
    if (x > left && x + wide > width) [x, rows] = [left, rows + 1];
    at.set(s, [x, 10 + rows * ROW]);
    x += wide + 16;
  }
  return { at, rows };
}

function curves(run, { series, title, unit, top, log, filled, rules = [] }) {
  let place = null;

  function draw({ ctx, width, height }, theme, moment) {
    const points = series.every(({ x: epochs }) => epochs.length === 1);
    const names = legend(ctx, theme, series.length > 1 ? series.filter((s) => s.x.length > 1 || points) : [], 40, width);
    const box = { left: 40, top: 24 + names.rows * ROW, width: width - 48, bottom: height - 36 };
    const high = box.bottom - box.top;
    const x = epochAxis(ctx, theme, box, run, filled ? 0 : run.first, run.total + (filled ? 1 : 0));
    const y = log
      ? (v) => box.bottom - ((Math.log10(Math.max(v, log[0])) - Math.log10(log[0])) / Math.log10(log[1] / log[0])) * high
      : (v) => box.bottom - (Math.min(v, top) / top) * high;
    const marks = log ? [0.1, 1, 10, 100].filter((v) => v >= log[0] && v <= log[1]) : ticks(0, top, Math.max(high / 45, 1));
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = 1;
    for (const tick of marks) {
      ctx.globalAlpha = 0.6;
      ctx.beginPath();
      ctx.moveTo(box.left, Math.round(y(tick)) + 0.5);
      ctx.lineTo(box.left + box.width, Math.round(y(tick)) + 0.5);
      ctx.stroke();
      ctx.globalAlpha = 1;
      write(ctx, theme, String(Number(tick.toPrecision(6))), box.left - 6, y(tick), { size: 12, align: "right", base: "middle", colour: theme.colours.reference });
    }
    for (const rule of rules) {
      ctx.strokeStyle = theme.colours.reference;
      ctx.lineWidth = 1.25;
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(box.left, y(rule.y));
      ctx.lineTo(box.left + box.width, y(rule.y));
      ctx.stroke();
      ctx.setLineDash([]);
      const [at, align] = rule.left ? [box.left + 4, "left"] : [box.left + box.width - 4, "right"];
      write(ctx, theme, rule.text, at, y(rule.y) - 4, { size: 12, align, colour: theme.colours.reference });
    }
    const now = epochAt(run, moment);
    for (const s of series) {
      const colour = theme.colours[s.colour];
      ctx.beginPath();
      let started = false;
      let end = box.left;
      for (let i = 0; i < s.x.length && s.x[i] <= now + 1e-6; i += 1) {
        if (s.y[i] == null) continue;
        end = x(s.x[i]);
        if (started) {
          if (filled) ctx.lineTo(end, y(s.y[i - 1]));
          ctx.lineTo(end, y(s.y[i]));
        } else ctx.moveTo(end, y(s.y[i]));
        started = true;
      }
      ctx.strokeStyle = colour;
      ctx.lineWidth = 2.25;
      ctx.setLineDash(s.dash || []);
      ctx.stroke();
      ctx.setLineDash([]);
      if (started && s.x.length === 1) {
        ctx.beginPath();
        ctx.arc(end, y(s.y[0]), 4.5, 0, 7);
        ctx.fillStyle = colour;
        ctx.fill();
      }
      if (filled && started) {
        ctx.lineTo(end, box.bottom);
        ctx.lineTo(x(s.x[0]), box.bottom);
        ctx.globalAlpha = 0.18;
        ctx.fillStyle = colour;
        ctx.fill();
        ctx.globalAlpha = 1;
      }
      // A point among curves has its name beside it; where all are points, after one epoch, these lie on each other.
      if (s.x.length === 1 && !points) {
        if (started) write(ctx, theme, s.name, end + 4, y(s.y[0]) - 9, { size: 12, align: "right", colour, weight: 600 });
        continue;
      }
      if (names.at.has(s)) {
        const [left, middle] = names.at.get(s);
        ctx.strokeStyle = colour;
        ctx.setLineDash(s.dash || []);
        ctx.beginPath();
        ctx.moveTo(left, middle);
        ctx.lineTo(left + 18, middle);
        ctx.stroke();
        ctx.setLineDash([]);
        write(ctx, theme, s.name, left + KEY, middle, { size: 12, base: "middle" });
      }
    }
    if (series.length === 1) write(ctx, theme, unit, 0, 10, { size: 12, base: "middle", colour: theme.colours.reference });
    playhead(ctx, theme, box, between(run, x, moment));
    place = { x, now };
  }

  function hover(px) {
    if (!place) return "";
    const past = series.flatMap((s) => s.x.filter((epoch, i) => epoch <= place.now + 1e-6 && s.y[i] != null));
    if (!past.length) return "";
    const far = (epoch) => Math.abs(place.x(epoch) - px);
    const at = past.reduce((best, epoch) => (far(epoch) < far(best) ? epoch : best));
    const parts = series.map((s) => [s.name, s.y[s.x.indexOf(at)]]).filter(([, value]) => value != null);
    return `${sayEpoch(run, at)}: ${parts.map(([name, value]) => `${name} ${minus(Number(value.toPrecision(4)))}`).join(", ")}`;
  }

  return { draw, hover, title: () => title };
}

export function boundPicture(run) {
  const { x, nll, kl, loss, added } = run.records;
  const terms = [
    { name: added, x, y: kl, colour: "kl", dash: [6, 3] },
    { name: "loss", x, y: loss, colour: "reference", dash: [2, 2] },
  ];
  return curves(run, {
    title: `The ${run.noise ? "bound" : "loss"}, nats per example`,
    unit: "nats per example: NLL",
    top: run.records.top,
    series: [{ name: "NLL", x, y: nll, colour: "data" }, ...(added ? terms : [])],
  });
}

export function errorPicture(run) {
  const { x, validation, train } = run.records;
  return curves(run, {
    title: "Error of the pruned network, %",
    unit: "%",
    log: [0.05, 100],
    series: [
      { name: "held-out", x, y: validation, colour: "kept" },
      { name: "training", x, y: train, colour: "reference", dash: [4, 3] },
    ],
  });
}

// A chart that the film brings with it.
export const chartPicture = (run, index) => curves(run, run.charts[index]);

export function keptPicture(run, index) {
  const layer = run.layers[index];
  return curves(run, {
    title: `${layer.title}: ${layer.word} kept`,
    unit: layer.word,
    top: layer.units,
    filled: true,
    series: [{ name: "kept", x: run.epochs, y: layer.kept, colour: "kept" }],
  });
}
