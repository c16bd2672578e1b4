// The player: pictures of one run on one clock. Streamlit calls the default export again whenever data or theme change;
// what is on the screen then stays, and a live run grows in place.

import { walkCells } from "../js/cell_cursor.js";
import { paintLegend } from "../js/colours.js";
import { element, fit } from "../js/dom.js";
import { readTheme } from "../js/theme.js";
import { cellsPicture } from "./cells.js";
import { follow, grow, last, makeClock, momentAt, placeAt, seek, SPEEDS, step, tick, toggle } from "./clock.js";
import { boundPicture, chartPicture, errorPicture, keptPicture } from "./curves.js";
import { groupsPicture } from "./groups.js";
import { heatmapPicture } from "./heatmap.js";
import { trajectoriesPicture } from "./trajectories.js";
import { networkPicture } from "./network.js";
import { decode, epochAt, momentOf, placeOf, sayEpoch } from "./film.js";

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
const ICONS = { play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z", back: "M6 5h2.5v14H6zM19 5v14L9.5 12z", next: "M15.5 5H18v14h-2.5zM5 5v14l9.5-7z" };
const players = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  const known = players.get(parentElement);
  const player = known && known.root === root ? known : makePlayer(root);
  players.set(parentElement, player);
  player.report = data.report ? setStateValue : null;
  player.chooseGroup = (index) => setTriggerValue("layer", index);
  player.show(data);
  return () => player.stop();
}

function makePlayer(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const parts = { stage: find("stage"), play: find("play"), back: find("back"), next: find("next"), scrub: find("scrub"), when: find("when"), speed: find("speed"), live: find("live"), sentence: find("sentence"), legend: find("legend") };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const player = { root, report: null };
  let run = null;
  let clock = null;
  let theme = null;
  let panels = [];
  let shape = "";
  let asked = null;
  let unit = -1;
  let waiting = 0;
  let request = 0;
  let before = 0;
  let dirty = true;
  let told = "";

  player.show = (data) => {
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
      asked = data.epoch;
      unit = data.unit ?? -1;
    } else {
      grow(clock, track, clock.following ? clock.moment : momentOf(run, epoch), run.live);
      if (data.epoch !== asked) {
        asked = data.epoch;
        if (asked != null && Math.floor(epoch + 1e-6) !== asked) seek(clock, momentOf(run, asked));
      }
      unit = data.unit ?? unit;
    }
    clock.loop = Boolean(data.loop);
    if (shape !== nextShape) build(data);
    else panels.forEach((panel) => (panel.picture = PICTURES[panel.kind](run, panel.layer, { select: panel.select })));
    shape = nextShape;
    listen(data.keys);
    legend();
    parts.live.hidden = !run.live;
    parts.scrub.max = String(track[last(clock)] || 1);
    dirty = true;
    told = "";
    if (!request) request = requestAnimationFrame(frame);
  };

  player.stop = () => {
    cancelAnimationFrame(request);
    request = 0;
    document.removeEventListener("keydown", keyed);
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
      const select = !data.report || spec.kind === "network" ? null : spec.kind === "groups" ? (at) => player.chooseGroup(at) : choose;
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
    if (tick(clock, dt)) dirty = true;
    if (!dirty || !run.frames) return;
    dirty = false;
    const moment = calm.matches ? Math.floor(clock.moment) : clock.moment;
    const index = Math.min(Math.floor(moment + 1e-6), run.frames - 1);
    for (const panel of panels) {
      const area = fit(panel.canvas);
      if (area.width < 20 || area.height < 20) continue;
      panel.picture.draw(area, theme, Math.min(moment, run.frames - 1), panel.layer == null ? -1 : unit);
      panel.titleSpan.textContent = panel.picture.title(index, area.width);
      panel.canvas.setAttribute("aria-label", panel.picture.title(index, 999) + panel.keys);
    }
    controls(index);
  }

  function controls(index) {
    const moving = clock.playing || clock.following;
    const epoch = run.epochs[index];
    parts.play.querySelector("path").setAttribute("d", moving ? ICONS.pause : ICONS.play);
    const verb = moving ? (clock.following ? "Pause the view; training continues" : "Pause") : "Play";
    parts.play.querySelector("span").textContent = run.live && clock.following ? "Pause view" : "";
    if (parts.play.title !== verb) {
      parts.play.title = verb;
      parts.play.setAttribute("aria-label", verb);
    }
    if (parts.scrub !== root.getRootNode().activeElement || moving) parts.scrub.value = String(placeAt(clock, clock.moment));
    parts.scrub.style.setProperty("--done", `${(100 * placeAt(clock, clock.moment)) / Number(parts.scrub.max)}%`);
    const when = sayEpoch(run, epoch);
    parts.scrub.setAttribute("aria-valuetext", when);
    parts.live.classList.toggle("on", clock.following);
    root.dataset.epoch = String(epoch);
    root.dataset.playing = String(clock.playing);
    root.dataset.following = String(clock.following);
    root.dataset.kept = run.layers.map((layer) => layer.kept[index]).join("-");
    root.dataset.frames = String(run.frames);
    parts.when.textContent = run.steps[index] ? when : `${when} of ${run.total}`;
    const sentence = run.sentences[index] || "";
    if (sentence !== told) {
      told = sentence;
      parts.sentence.setAttribute("aria-live", moving ? "off" : "polite");
      parts.sentence.textContent = sentence;
    }
  }

  // Python hears of the epoch, of a first step of the epoch before it, when the hand has come to rest, never while it moves or the film runs.
  function hand(change) {
    change();
    dirty = true;
    clearTimeout(waiting);
    if (!player.report) return;
    waiting = setTimeout(() => {
      if (clock.playing || !player.report) return;
      asked = clock.following ? null : Math.floor(run.epochs[Math.min(Math.floor(clock.moment + 1e-6), run.frames - 1)]);
      player.report("epoch", asked ?? -1);
    }, 350);
  }

  function keyed(event) {
    const target = event.composedPath()[0];
    const typing = target.closest?.("input:not(.scrub), textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=radiogroup], [role=tablist]");
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    const press = { ArrowRight: () => step(clock, 1), ArrowLeft: () => step(clock, -1), Home: () => { clock.playing = false; seek(clock, 0); }, End: () => { clock.playing = false; seek(clock, last(clock)); } }[event.key];
    if (press) {
      event.preventDefault();
      hand(press);
    } else if (event.key === " " && !target.closest?.("button, a, summary")) {
      event.preventDefault();
      hand(() => toggle(clock));
    }
  }

  function listen(whole) {
    root.onkeydown = whole ? null : keyed;
    if (whole) document.addEventListener("keydown", keyed); // added once, however often this is called
  }

  parts.play.onclick = () => hand(() => toggle(clock));
  parts.back.onclick = () => hand(() => step(clock, -1));
  parts.next.onclick = () => hand(() => step(clock, 1));
  parts.live.onclick = () => hand(() => follow(clock));
  parts.scrub.oninput = () => hand(() => { clock.playing = false; seek(clock, momentAt(clock, Number(parts.scrub.value))); });
  parts.speed.onclick = () => {
    clock.speed = SPEEDS[(SPEEDS.indexOf(clock.speed) + 1) % SPEEDS.length];
    parts.speed.textContent = `${clock.speed}×`;
    parts.speed.setAttribute("aria-label", `Speed ${clock.speed}×`);
  };
  parts.back.querySelector("path").setAttribute("d", ICONS.back);
  parts.next.querySelector("path").setAttribute("d", ICONS.next);
  return player;
}
