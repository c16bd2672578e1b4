// Scalars by epoch: the bound and its terms, the error, the survivors of a layer. Axes span the whole run and stay.

import { between, epochAxis, niceStep, playhead, write } from "./ink.js";
import { epochAt } from "./recording.js";

function curves(run, { series, title, unit, top, log, filled, rules = [] }) {
  let place = null;

  function draw({ ink, width, height }, theme, moment) {
    const box = { left: 40, top: 24, width: width - 48, bottom: height - 36 };
    const high = box.bottom - box.top;
    const x = epochAxis(ink, theme, box, run, filled ? 0 : run.first, run.total + (filled ? 1 : 0));
    const y = log
      ? (v) => box.bottom - ((Math.log10(Math.max(v, log[0])) - Math.log10(log[0])) / Math.log10(log[1] / log[0])) * high
      : (v) => box.bottom - (Math.min(v, top) / top) * high;
    const step = log ? 0 : niceStep(top, high / 45);
    const ticks = log ? [0.1, 1, 10, 100] : Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
    ink.strokeStyle = theme.line;
    ink.lineWidth = 1;
    for (const tick of ticks.filter((v) => !log || (v >= log[0] && v <= log[1]))) {
      ink.globalAlpha = 0.6;
      ink.beginPath();
      ink.moveTo(box.left, Math.round(y(tick)) + 0.5);
      ink.lineTo(box.left + box.width, Math.round(y(tick)) + 0.5);
      ink.stroke();
      ink.globalAlpha = 1;
      write(ink, theme, String(Number(tick.toPrecision(6))), box.left - 6, y(tick), { size: 11, align: "right", base: "middle", colour: theme.colours.reference });
    }
    for (const rule of rules) {
      ink.strokeStyle = theme.colours.reference;
      ink.lineWidth = 1.25;
      ink.setLineDash([4, 3]);
      ink.beginPath();
      ink.moveTo(box.left, y(rule.y));
      ink.lineTo(box.left + box.width, y(rule.y));
      ink.stroke();
      ink.setLineDash([]);
      const [at, align] = rule.left ? [box.left + 4, "left"] : [box.left + box.width - 4, "right"];
      write(ink, theme, rule.text, at, y(rule.y) - 4, { size: 11, align, colour: theme.colours.reference });
    }
    const now = epochAt(run, moment);
    let legend = box.left;
    for (const s of series) {
      const colour = theme.colours[s.colour];
      ink.beginPath();
      let started = false;
      let end = box.left;
      for (let i = 0; i < s.x.length && s.x[i] <= now + 1e-6; i += 1) {
        if (s.y[i] == null) continue;
        end = x(s.x[i]);
        if (started) {
          if (filled) ink.lineTo(end, y(s.y[i - 1]));
          ink.lineTo(end, y(s.y[i]));
        } else ink.moveTo(end, y(s.y[i]));
        started = true;
      }
      ink.strokeStyle = colour;
      ink.lineWidth = 2.25;
      ink.setLineDash(s.dash || []);
      ink.stroke();
      ink.setLineDash([]);
      if (started && s.x.length === 1) {
        ink.beginPath();
        ink.arc(end, y(s.y[0]), 4.5, 0, 7);
        ink.fillStyle = colour;
        ink.fill();
      }
      if (filled && started) {
        ink.lineTo(end, box.bottom);
        ink.lineTo(x(s.x[0]), box.bottom);
        ink.globalAlpha = 0.18;
        ink.fillStyle = colour;
        ink.fill();
        ink.globalAlpha = 1;
      }
      if (s.x.length === 1) {
        if (started) write(ink, theme, s.name, end + 4, y(s.y[0]) - 9, { size: 11, align: "right", colour, weight: 600 });
        continue;
      }
      if (series.length > 1) {
        ink.strokeStyle = colour;
        ink.setLineDash(s.dash || []);
        ink.beginPath();
        ink.moveTo(legend, 10);
        ink.lineTo(legend + 18, 10);
        ink.stroke();
        ink.setLineDash([]);
        write(ink, theme, s.name, legend + 23, 10, { size: 12, base: "middle" });
        legend += 23 + ink.measureText(s.name).width + 16;
      }
    }
    if (series.length === 1) write(ink, theme, unit, 0, 10, { size: 11, base: "middle", colour: theme.colours.reference });
    playhead(ink, theme, box, between(run, x, moment));
    place = { x, now };
  }

  function hover(px) {
    if (!place) return "";
    const past = series.flatMap((s) => s.x.filter((epoch, i) => epoch <= place.now + 1e-6 && s.y[i] != null));
    if (!past.length) return "";
    const far = (epoch) => Math.abs(place.x(epoch) - px);
    const at = past.reduce((best, epoch) => (far(epoch) < far(best) ? epoch : best));
    const parts = series.map((s) => [s.name, s.y[s.x.indexOf(at)]]).filter(([, value]) => value != null);
    return `epoch ${at}: ${parts.map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`).join(", ")}`;
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
    title: `The ${run.noise ? "bound" : "loss"}, nats per object`,
    unit: "nats per object: NLL",
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

// A chart that the recording brings with it.
export const chartPicture = (run, index) => curves(run, run.charts[index]);

export function survivorsPicture(run, index) {
  const layer = run.layers[index];
  return curves(run, {
    title: `${layer.title}: ${layer.word} still kept`,
    unit: layer.word,
    top: layer.units,
    filled: true,
    series: [{ name: "kept", x: run.epochs, y: layer.kept, colour: "kept" }],
  });
}
