// The player: pictures of one run on one clock. Streamlit calls the default export again whenever data or theme change;
// what is on the screen then stays, and a live run grows in place.

import { walkCells } from "../js/cell_cursor.js";
import { paintLegend } from "../js/colours.js";
import { element, embedded, fit } from "../js/dom.js";
import { readTheme } from "../js/theme.js";
import { makeBar } from "./bar.js";
import { cellsPicture } from "./cells.js";
import { grow, last, makeClock, seek, tick } from "./clock.js";
import { boundPicture, chartPicture, errorPicture, keptPicture } from "./curves.js";
import { groupsPicture } from "./groups.js";
import { heatmapPicture } from "./heatmap.js";
import { trajectoriesPicture } from "./trajectories.js";
import { networkPicture } from "./network.js";
import { decode, epochAt, joined, keptAt, momentOf, placeOf, sayEpoch, sayPassing } from "./film.js";

const PICTURES = {
  network: networkPicture,
  cells: cellsPicture,
  trajectories: trajectoriesPicture,
  heatmap: heatmapPicture,
  groups: groupsPicture,
  bound: boundPicture,
  error: errorPicture,
  kept: keptPicture,
  chart: chartPicture,
};
const players = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  const known = players.get(parentElement);
  const player = known && known.root === root ? known : makePlayer(root);
  players.set(parentElement, player);
  player.report = setStateValue;
  player.chooseGroup = (index) => setTriggerValue("layer", index);
  player.take(data);
  return () => player.stop();
}

function makePlayer(root) {
  root.classList.toggle("embedded", embedded());
  const find = (name) => root.querySelector(`.${name}`);
  const parts = { stage: find("stage"), sentence: find("sentence"), legend: find("legend") };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const player = { root, report: null };
  let given = null;
  let run = null;
  let clock = null;
  let theme = null;
  let panels = [];
  let shape = "";
  let asked = null;
  let echoes = []; // epochs that Python was told, up to the last that it has answered: none of them moves the clock back
  let unit = -1;
  let plays = false; // unasked: its link says no epoch while it plays
  let waiting = 0;
  let request = 0;
  let before = 0;
  let dirty = true;
  let told = "";

  // A film comes as a whole, or in parts, by the name that they have: what is on the screen stays until all have come.
  player.take = (data) => {
    given = data;
    addEventListener("sbp-film", look);
    look();
  };

  function look() {
    const film = typeof given.film === "string" ? joined(given.film) : given.film;
    if (film) show({ ...given, film });
  }

  function show(data) {
    const raw = data.film;
    const nextShape = JSON.stringify([raw.id, raw.sorted, data.layout, data.panels, raw.layers.map((l) => l.units)]);
    const previous = run;
    const epoch = run && clock ? epochAt(run, clock.moment) : null;
    run = decode(raw);
    theme = readTheme(root, { light: { scale: run.light, colours: run.colours.light }, dark: { scale: run.dark, colours: run.colours.dark } });
    const track = run.epochs.map((at) => placeOf(run, at));
    const sameRun = previous && previous.id === run.id;
    if (!sameRun) {
      clock = makeClock({ track, seconds: data.seconds, loop: data.loop, live: run.live });
      clock.moment = data.epoch != null ? momentOf(run, data.epoch) : data.play && !calm.matches ? 0 : last(clock);
      clock.playing = Boolean(data.play) && !calm.matches && data.epoch == null;
      clock.following = run.live && data.epoch == null;
      clock.speed = data.speed;
      asked = data.epoch;
      echoes = [asked];
      unit = data.unit ?? -1;
    } else {
      grow(clock, track, clock.following ? clock.moment : momentOf(run, epoch), run.live);
      if (data.epoch === asked) echoes = [asked];
      else if (!echoes.includes(data.epoch)) {
        asked = data.epoch;
        if (asked != null && Math.abs(epoch - asked) > 1e-6) seek(clock, momentOf(run, asked));
      }
      unit = data.unit ?? unit;
    }
    clock.loop = Boolean(data.loop);
    plays = Boolean(data.play) || run.live;
    if (shape !== nextShape) build(data);
    else panels.forEach((panel) => (panel.picture = PICTURES[panel.kind](run, panel.layer, { select: panel.select })));
    shape = nextShape;
    bar.listen();
    legend();
    parts.sentence.dataset.longest = run.sentences.reduce((best, said) => (said.length > best.length ? said : best), "");
    dirty = true;
    told = "";
    if (!request) request = requestAnimationFrame(frame);
  }

  player.stop = () => {
    removeEventListener("sbp-film", look);
    cancelAnimationFrame(request);
    request = 0;
    bar.stop();
    watch.disconnect();
  };

  function build(data) {
    const focused = panels.findIndex((panel) => panel.canvas === root.getRootNode().activeElement);
    parts.stage.className = `stage ${data.layout}`;
    parts.stage.replaceChildren();
    panels = data.panels.map((spec) => {
      const title = element("span");
      const readout = element("span", { className: "readout", role: "status" });
      const canvas = element("canvas", { role: "img" });
      const figure = element("figure", { className: spec.kind }, element("figcaption", {}, title, readout), canvas);
      figure.style.gridArea = spec.area;
      parts.stage.append(figure);
      const select = !data.marks || spec.kind === "network" ? null : spec.kind === "groups" ? (at) => player.chooseGroup(at) : choose;
      const panel = { ...spec, canvas, titleSpan: title, select, picture: PICTURES[spec.kind](run, spec.layer, { select }) };
      const spot = (event) => [event.offsetX, event.offsetY];
      const read = (x, y) => (readout.textContent = x != null && panel.picture.hover ? panel.picture.hover(x, y) : "");
      canvas.onpointermove = (event) => read(...spot(event));
      canvas.onpointerleave = () => read(null);
      const press = (x, y) => {
        if (!panel.picture.click) return;
        panel.picture.click(x, y);
        dirty = true;
      };
      canvas.onclick = (event) => press(...spot(event));
      panel.keys = panel.picture.grid ? `; arrow keys read its cells${select ? `, Enter ${spec.kind === "groups" ? "shows" : "marks"} one` : ""}` : "";
      if (panel.keys) walkCells(canvas, () => panel.picture.grid(), { read, press });
      canvas.style.cursor = panel.picture.click ? "pointer" : "default";
      return panel;
    });
    watch.disconnect();
    panels.forEach((panel) => watch.observe(panel.canvas));
    panels[focused]?.canvas.focus({ preventScroll: true });
  }

  // The colour scale in words and colours, with its cut at 1.
  function legend() {
    parts.legend.hidden = !run.noise;
    paintLegend(theme, run.scale, ...parts.legend.querySelectorAll("i"));
  }

  const watch = new ResizeObserver(() => (dirty = true));

  function choose(picked) {
    if (picked == null || picked < 0) return;
    unit = picked === unit ? -1 : picked;
    if (player.report) player.report("unit", unit);
  }

  function frame(now) {
    request = requestAnimationFrame(frame);
    const dt = Math.min((now - before) / 1000, 0.1);
    before = now;
    const played = clock.playing;
    if (tick(clock, dt)) dirty = true;
    if (played && !clock.playing) hand(() => {}, asked == null); // at its end
    if (!dirty || !run.frames) return;
    dirty = false;
    const moment = calm.matches ? Math.floor(clock.moment) : clock.moment;
    const index = Math.min(Math.floor(moment + 1e-6), run.frames - 1);
    for (const panel of panels) {
      const area = fit(panel.canvas);
      if (area.width < 20 || area.height < 20) continue;
      panel.picture.draw(area, theme, Math.min(moment, run.frames - 1), panel.layer == null ? -1 : unit);
      panel.titleSpan.textContent = panel.picture.title(moment, area.width);
      panel.canvas.setAttribute("aria-label", panel.picture.title(moment, 999) + panel.keys);
    }
    controls(index, Math.min(moment, run.frames - 1));
  }

  function controls(index, moment) {
    const epoch = run.epochs[index];
    const when = sayEpoch(run, epoch);
    bar.draw(when, run.steps[index] ? when : `${when} of ${run.total}`);
    root.dataset.epoch = String(epoch);
    root.dataset.playing = String(clock.playing);
    root.dataset.following = String(clock.following);
    const kept = run.layers.map((layer) => keptAt(run, layer, moment));
    root.dataset.kept = kept.join("-");
    root.dataset.frames = String(run.frames);
    const glides = run.layers.some((layer, i) => kept[i] !== layer.kept[index]);
    const sentence = glides ? sayPassing(run, index, kept) : run.sentences[index] || "";
    if (sentence !== told) {
      told = sentence;
      parts.sentence.setAttribute("aria-live", clock.playing || clock.following ? "off" : "polite");
      parts.sentence.firstElementChild.textContent = sentence;
    }
  }

  // Python hears of the epoch when the hand has come to rest, on a frame, never while it moves. A film that plays
  // unasked, to its end too, or is followed has none: a page then opens as it does unasked.
  function hand(change, unasked = false) {
    change();
    dirty = true;
    clearTimeout(waiting);
    const led = unasked || clock.following; // by the film, even if the run ends before this is told
    waiting = setTimeout(() => {
      if (clock.playing && !plays) return;
      if (!clock.playing && !clock.following) seek(clock, Math.round(clock.moment));
      dirty = true;
      const rests = led || clock.playing || clock.following ? null : run.epochs[clock.moment];
      if (rests === asked) return;
      asked = rests;
      echoes.push(asked);
      player.report("epoch", asked ?? -1);
    }, 350);
  }

  const bar = makeBar(root, {
    clock: () => clock,
    hand,
    sped: (speed) => {
      dirty = true;
      player.report("speed", speed);
    },
  });
  return player;
}
