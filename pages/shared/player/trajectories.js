// SNR of a sample of units through the epochs, up to the moment shown, on a log axis with its two rules.

import { between, epochAxis, playhead, write } from "./canvas.js";
import { isKept, logOf, sayEpoch, saySnr } from "./film.js";

const TICKS = [0.1, 1, 10, 100];

export function trajectoriesPicture(run, index) {
  const layers = index == null ? run.layers : [run.layers[index]];
  const lines = layers.flatMap((layer) => layer.sample.map((unit) => ({ layer, unit })));
  let place = null;

  function draw({ ctx, width, height }, theme, moment, chosen) {
    const box = { left: 34, top: 8, width: width - 42, bottom: height - 36 };
    const high = box.bottom - box.top;
    const y = (level) => box.bottom - ((logOf(run, level) - run.scale.low) / (run.scale.high - run.scale.low)) * high;
    const x = epochAxis(ctx, theme, box, run);
    for (const tick of TICKS) {
      const at = box.bottom - ((Math.log10(tick) - run.scale.low) / (run.scale.high - run.scale.low)) * high;
      write(ctx, theme, String(tick), box.left - 6, at, { size: 12, align: "right", base: "middle", colour: theme.colours.reference });
    }
    shade(ctx, theme, box, y);
    const frame = Math.floor(moment);
    const share = moment - frame;
    const now = between(run, x, moment);
    for (const kept of [false, true]) {
      ctx.beginPath();
      for (const line of lines) {
        const { levels, units } = line.layer;
        const end = levels[frame * units + line.unit];
        const level = frame < run.frames - 1 ? end + (levels[(frame + 1) * units + line.unit] - end) * share : end;
        if (isKept(run, level) !== kept) continue;
        ctx.moveTo(x(run.epochs[0]), y(levels[line.unit]));
        for (let f = 1; f <= frame; f += 1) ctx.lineTo(x(run.epochs[f]), y(levels[f * units + line.unit]));
        if (share > 0) ctx.lineTo(now, y(level));
      }
      ctx.strokeStyle = kept ? theme.colours.kept : theme.colours.pruned;
      ctx.globalAlpha = kept ? 0.6 : 0.4;
      ctx.lineWidth = kept ? 1.2 : 0.9;
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    if (chosen >= 0 && index != null) chosenLine(ctx, theme, x, y, frame, chosen);
    playhead(ctx, theme, box, now);
    rules(ctx, theme, box, y, width);
    place = { box, x, y, frame };
  }

  function shade(ctx, theme, box, y) {
    ctx.fillStyle = theme.dark ? "rgba(232,135,58,.09)" : "rgba(213,94,0,.06)";
    ctx.fillRect(box.left, y(run.scale.one), box.width, box.bottom - y(run.scale.one));
  }

  function rules(ctx, theme, box, y, width) {
    const prior = ((Math.log10(run.prior) - run.scale.low) / (run.scale.high - run.scale.low)) * 255;
    const size = 12;
    for (const [level, text, colour, dash] of [
      [run.scale.one, "pruned below 1", theme.colours.pruned, []],
      [prior, `the prior's own ${run.prior.toFixed(2)}: knows nothing`, theme.colours.reference, [4, 3]],
    ]) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1.25;
      ctx.setLineDash(dash);
      ctx.beginPath();
      ctx.moveTo(box.left, y(level));
      ctx.lineTo(box.left + box.width, y(level));
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.strokeStyle = theme.background;
      ctx.lineWidth = 4;
      ctx.lineJoin = "round";
      ctx.font = `600 ${size}px ${theme.font}`;
      ctx.textAlign = "right";
      const above = level === run.scale.one && y(prior) - y(level) < size + 8; // no room between the rules
      const [at, base] = above ? [y(level) - 4, "bottom"] : [y(level) + 4, "top"];
      ctx.textBaseline = base;
      ctx.strokeText(text, box.left + box.width - 6, at);
      write(ctx, theme, text, box.left + box.width - 6, at, { size, base, align: "right", colour, weight: 600 });
    }
  }

  function chosenLine(ctx, theme, x, y, frame, unit) {
    const layer = layers[0];
    ctx.beginPath();
    for (let f = 0; f <= frame; f += 1) {
      const at = [x(run.epochs[f]), y(layer.levels[f * layer.units + unit])];
      if (f) ctx.lineTo(...at);
      else ctx.moveTo(...at);
    }
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = 2.25;
    ctx.stroke();
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
    return `${best.line.layer.title}, ${best.line.layer.kind} ${best.line.unit} at ${sayEpoch(run, run.epochs[at])}: SNR ${saySnr(run, best.level)}`;
  }

  const count = lines.length;
  const all = layers.reduce((sum, layer) => sum + layer.units, 0);
  const of = count < all ? `${count} of ${all.toLocaleString("en")} units drawn` : `all ${all} units`;
  return { draw, hover, title: (_, width) => (width < 300 ? "SNR by epoch" : `SNR by epoch, ${of}`) };
}
