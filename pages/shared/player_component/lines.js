// SNR of a sample of units through the epochs, up to the moment shown, on a log axis with its two rules.

import { between, epochAxis, playhead, write } from "./ink.js";
import { logOf, saySnr } from "./recording.js";

const TICKS = [0.1, 1, 10, 100];

export function linesPicture(run, index) {
  const layers = index == null ? run.layers : [run.layers[index]];
  const lines = layers.flatMap((layer) => layer.sample.map((unit) => ({ layer, unit })));
  let place = null;

  function draw({ ink, width, height }, theme, moment, chosen) {
    const box = { left: 34, top: 8, width: width - 42, bottom: height - 36 };
    const high = box.bottom - box.top;
    const y = (level) => box.bottom - ((logOf(run, level) - run.scale.low) / (run.scale.high - run.scale.low)) * high;
    const x = epochAxis(ink, theme, box, run);
    for (const tick of TICKS) {
      const at = box.bottom - ((Math.log10(tick) - run.scale.low) / (run.scale.high - run.scale.low)) * high;
      write(ink, theme, String(tick), box.left - 6, at, { size: 11, align: "right", base: "middle", colour: theme.colours.reference });
    }
    shade(ink, theme, box, y);
    const frame = Math.floor(moment);
    const share = moment - frame;
    const now = between(run, x, moment);
    for (const kept of [false, true]) {
      ink.beginPath();
      for (const line of lines) {
        const { levels, units } = line.layer;
        const end = levels[frame * units + line.unit];
        const level = frame < run.frames - 1 ? end + (levels[(frame + 1) * units + line.unit] - end) * share : end;
        if (level >= run.scale.one - 0.5 !== kept) continue;
        ink.moveTo(x(run.epochs[0]), y(levels[line.unit]));
        for (let f = 1; f <= frame; f += 1) ink.lineTo(x(run.epochs[f]), y(levels[f * units + line.unit]));
        if (share > 0) ink.lineTo(now, y(level));
      }
      ink.strokeStyle = kept ? theme.colours.kept : theme.colours.pruned;
      ink.globalAlpha = kept ? 0.6 : 0.4;
      ink.lineWidth = kept ? 1.2 : 0.9;
      ink.stroke();
    }
    ink.globalAlpha = 1;
    if (chosen >= 0 && index != null) chosenLine(ink, theme, x, y, frame, chosen);
    playhead(ink, theme, box, now);
    rules(ink, theme, box, y, width);
    place = { box, x, y, frame };
  }

  function shade(ink, theme, box, y) {
    ink.fillStyle = theme.dark ? "rgba(232,135,58,.09)" : "rgba(213,94,0,.06)";
    ink.fillRect(box.left, y(run.scale.one), box.width, box.bottom - y(run.scale.one));
  }

  function rules(ink, theme, box, y, width) {
    const prior = ((Math.log10(run.prior) - run.scale.low) / (run.scale.high - run.scale.low)) * 255;
    const size = width < 380 ? 11 : 12;
    for (const [level, text, colour, dash] of [
      [run.scale.one, "pruned below 1", theme.colours.pruned, []],
      [prior, `the prior's own ${run.prior.toFixed(2)}: knows nothing`, theme.colours.reference, [4, 3]],
    ]) {
      ink.strokeStyle = colour;
      ink.lineWidth = 1.25;
      ink.setLineDash(dash);
      ink.beginPath();
      ink.moveTo(box.left, y(level));
      ink.lineTo(box.left + box.width, y(level));
      ink.stroke();
      ink.setLineDash([]);
      ink.strokeStyle = theme.ground;
      ink.lineWidth = 4;
      ink.lineJoin = "round";
      ink.font = `600 ${size}px ${theme.font}`;
      ink.textAlign = "right";
      const above = level === run.scale.one && y(prior) - y(level) < size + 8; // no room between the rules
      const [at, base] = above ? [y(level) - 4, "bottom"] : [y(level) + 4, "top"];
      ink.textBaseline = base;
      ink.strokeText(text, box.left + box.width - 6, at);
      write(ink, theme, text, box.left + box.width - 6, at, { size, base, align: "right", colour, weight: 600 });
    }
  }

  function chosenLine(ink, theme, x, y, frame, unit) {
    const layer = layers[0];
    ink.beginPath();
    for (let f = 0; f <= frame; f += 1) {
      const at = [x(run.epochs[f]), y(layer.levels[f * layer.units + unit])];
      if (f) ink.lineTo(...at);
      else ink.moveTo(...at);
    }
    ink.strokeStyle = theme.text;
    ink.lineWidth = 2.25;
    ink.stroke();
  }

  function hover(px, py) {
    if (!place) return "";
    const { x, y, frame } = place;
    let at = 0;
    while (at < frame && Math.abs(x(run.epochs[at + 1]) - px) < Math.abs(x(run.epochs[at]) - px)) at += 1;
    let best = null;
    for (const line of lines) {
      const level = line.layer.levels[at * line.layer.units + line.unit];
      const far = Math.abs(y(level) - py);
      if (far < 14 && (!best || far < best.far)) best = { far, line, level };
    }
    if (!best) return "";
    return `${best.line.layer.title}, ${best.line.layer.kind} ${best.line.unit} at epoch ${run.epochs[at]}: SNR ${saySnr(run, best.level)}`;
  }

  const count = lines.length;
  const all = layers.reduce((sum, layer) => sum + layer.units, 0);
  const of = count < all ? `${count} of ${all.toLocaleString("en")} units drawn` : `all ${all} units`;
  return { draw, hover, title: (_, width) => (width < 300 ? "SNR by epoch" : `SNR by epoch, ${of}`) };
}
