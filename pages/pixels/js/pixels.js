// Wires the page: one view (what is shown, the epoch), one draw a frame. Python hears of the view once the hand rests.
import { forward, softmax } from "./net.js";
import { centred, fromText, rasterise, SIDE, toText } from "./strokes.js";
import { frameOf, unpack } from "./film.js";
import { count, isPixel, mapSentence, predictionSentence, seesSentence, subject } from "./words.js";
import { makeBar } from "../../shared/player/bar.js";
import { atEnd, grow, makeClock, seek, tick } from "../../shared/player/clock.js";
import { colourOf, paintLegend } from "../../shared/js/colours.js";
import { element, embedded } from "../../shared/js/dom.js";
import { fromBase64 } from "../../shared/js/numbers.js";
import { inkColour, light, paintGrid, pixelTheme, prunedColour, rgbColour } from "./grid_canvas.js";
import { buildProbabilities, updateProbabilities } from "./probabilities.js";
import { attachControls } from "./controls.js";
import { attachReadout } from "./readout.js";

const REST_MS = 350;
const ECHO_MS = 5000;
const SECONDS = 14; // that the whole film plays
const gridOf = ([, rows, columns]) => Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => row * columns + column));

// What of a view is on the screen, and so in the link.
const keyOf = (view) => JSON.stringify([view.kind, view[view.kind], view.epoch, view.speed, view.kind === "drawn" ? view.brush : 0]);

class Pixels {
  constructor(root) {
    root.classList.toggle("embedded", embedded());
    Object.assign(this, { root, view: null, seen: null, run: null, given: null, told: new Map(), clock: null, hand: () => {} });
    this.bar = makeBar(root, { clock: () => this.clock, hand: (change) => this.act(change), sped: (speed) => this.set({ speed }) });
    attachControls(root, this);
    for (const name of ["digit", "map", "sees"]) attachReadout(this, name);
    this.sizes = new ResizeObserver(() => this.redraw());
  }

  // Called by Streamlit at the start, and again whenever Python's data or the theme changes.
  receive(given, hand) {
    Object.assign(this, { given, hand });
    const said = keyOf(given.view);
    // What Python hears comes back, perhaps after the hand has moved on: then it is old.
    const own = performance.now() - (this.told.get(said) ?? -Infinity) < ECHO_MS;
    if (said !== this.seen && !own) {
      const { kind, epoch, speed, brush, drawn } = given.view;
      const strokes = kind === "drawn" || !this.view ? fromText(drawn) : this.view.strokes;
      // Of what is not shown, the link knows nothing: it stays as it was.
      this.view = { ...(this.view ?? given.view), kind, epoch, speed, brush, strokes, [kind]: given.view[kind] };
      if (this.clock) this.stand();
    }
    this.seen = said;
    this.grid = gridOf(given.image);
    this.sheet = { ...given.sheet, images: fromBase64(given.sheet.images) };
    buildProbabilities(this.root.querySelector("table"), given.classes);
    this.buildMeans();
    this.open();
    this.bar.listen();
    this.sizes.observe(this.root);
  }

  // What the store holds may come before this or after it, and changes while a run trains.
  open() {
    const store = (globalThis.sbpPixelWeights ??= { bytes: null, changed: null });
    store.changed = () => this.open();
    if (store.bytes && store.bytes !== this.opened) {
      this.opened = store.bytes;
      this.take(unpack(store.bytes));
    }
    if (this.run?.stamp !== this.given.stamp) return;
    this.theme = pixelTheme(this.root, this.given.colours, this.run.scales);
    const { colours, never, hatch } = this.theme;
    for (const [name, value] of Object.entries({ ...colours, never, hatch })) this.root.style.setProperty(`--${name}`, value);
    paintLegend(this.theme, this.run.film, this.root.querySelector(".below"), this.root.querySelector(".above"));
    this.redraw();
  }

  // Another run's clock stands where the view says; one that trains grows, and what is played goes on.
  take(run) {
    const shown = this.run?.film.id === run.film.id ? this.run.film.epochs[this.frame()] : null;
    this.run = run;
    const track = run.film.epochs.map((epoch) => Math.log1p(epoch));
    if (shown == null) this.clock = makeClock({ track, seconds: SECONDS });
    else grow(this.clock, track, frameOf(run.film, shown), false);
    if (shown == null || !this.clock.playing) this.stand();
  }

  stop() {
    this.sizes.disconnect();
    this.bar.stop();
    cancelAnimationFrame(this.pending);
    clearTimeout(this.resting);
    clearTimeout(this.acting);
    this.pending = null;
  }

  set(changes) {
    this.view = { ...this.view, ...changes };
    this.redraw();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.report(), REST_MS);
  }

  report() {
    if (this.clock?.playing || this.isDrawing()) return;
    const { kind, digit, mean, strokes, epoch, speed, brush } = this.view;
    const view = { kind, digit, mean, epoch, speed, brush, drawn: toText(strokes) };
    const said = keyOf(view);
    this.told.set(said, performance.now());
    if (this.told.size > 50) this.told.delete(this.told.keys().next().value);
    if (said !== this.seen) this.hand("view", view);
  }

  frame() {
    return Math.floor(this.clock.moment + 1e-6);
  }

  // The clock goes to the epoch and the speed of the view.
  stand() {
    this.clock.playing = false;
    this.clock.speed = this.view.speed;
    seek(this.clock, frameOf(this.run.film, this.view.epoch));
  }

  // The hand moves the clock; the view has its epoch once it rests on a frame.
  act(change) {
    change();
    this.redraw();
    clearTimeout(this.acting);
    this.acting = setTimeout(() => {
      if (this.clock.playing) return;
      seek(this.clock, Math.round(this.clock.moment));
      this.view = { ...this.view, epoch: atEnd(this.clock) ? null : this.run.film.epochs[this.frame()] };
      this.redraw();
      this.report();
    }, REST_MS);
  }

  redraw() {
    this.pending ??= requestAnimationFrame((now) => {
      this.pending = null;
      if (this.run && this.run.stamp === this.given.stamp) this.advance(now);
    });
  }

  // One frame of the screen; while the film plays, what is slow is drawn when its frame has changed.
  advance(now) {
    const { playing } = this.clock;
    const before = this.frame();
    if (playing) tick(this.clock, Math.min((now - this.ticked) / 1000, 0.1));
    this.ticked = now;
    if (!playing || this.frame() !== before) this.draw();
    else this.drawBar();
    if (this.clock.playing) this.redraw();
    else if (playing) this.act(() => {}); // at its end
  }

  drawBar() {
    const { said, total } = this.run.film;
    const when = said[this.frame()];
    this.bar.draw(when, when.startsWith("epoch") ? `${when} of ${count(total)}` : when);
    this.root.dataset.playing = String(this.clock.playing);
  }

  // [channels x rows x columns] in [0, 1] as the network sees it, and as it is shown; null while a test image is on its way from Python.
  images() {
    const { kind, digit, mean, strokes, brush } = this.view;
    if (kind === "drawn") {
      const { box, wide, soft } = this.given.pen;
      return { image: centred(strokes, brush * wide, soft, box), shown: rasterise(strokes, brush * wide, soft) };
    }
    const from = kind === "mean" ? this.run.means : this.sheet.images;
    const place = kind === "mean" ? mean : digit - this.sheet.start;
    const size = this.given.image.reduce((product, side) => product * side, 1);
    if (!from || place < 0 || (place + 1) * size > from.length) return null;
    const image = Float32Array.from(from.subarray(place * size, (place + 1) * size), (byte) => byte / 255);
    return { image, shown: image, label: kind === "digit" ? this.sheet.labels[place] : null };
  }

  draw() {
    const start = performance.now();
    const images = this.images();
    this.controls(images?.label ?? null);
    if (!images) return;
    const { full, small } = this.run;
    const answer = (network) => {
      if (!network) return null;
      const { logits, macs, made } = forward(network, images.image);
      return { probabilities: softmax(logits), macs, made };
    };
    const [whole, compact] = [answer(full), answer(small)];
    this.paint(images, whole);
    updateProbabilities(this.root.querySelector("table"), whole, compact);
    const empty = this.view.kind === "drawn" && !this.view.strokes.length;
    const prediction = this.root.querySelector(".prediction");
    prediction.textContent = whole && !empty ? predictionSentence(whole, compact, this.given.classes) : whole ? "Both networks are shown an empty image." : "";
    Object.assign(this.root.dataset, {
      draws: Number(this.root.dataset.draws ?? 0) + 1, ms: (performance.now() - start).toFixed(1),
      full: whole ? whole.probabilities.map((p) => p.toFixed(6)) : "", compact: compact ? compact.probabilities.map((p) => p.toFixed(6)) : "",
    });
  }

  paint({ image, shown }, whole) {
    const { root, theme } = this;
    const { film, lit } = this.run;
    const at = this.frame();
    const [levels, keep] = [film.levels[at], film.keep[at]];
    const theta = Float32Array.from(film.theta[at], (byte) => (byte / 255) * film.theta_max);
    const pixels = isPixel(film);
    const never = pixels && lit ? Uint8Array.from(lit, (on, unit) => (!on && !keep[unit] ? 1 : 0)) : null;
    const canvas = (name) => root.querySelector(`.${name} canvas`);
    const [channels] = this.given.image;
    const tint = (values, unit, factor = 1) => (channels === 3 ? rgbColour(values, unit, factor) : inkColour(theme, values[unit] * factor));
    paintGrid(canvas("digit"), this.grid, theme, { colour: (unit) => tint(shown, unit) });
    const inset = root.querySelector(".inset");
    inset.hidden = this.view.kind !== "drawn" || !this.view.strokes.length;
    if (!inset.hidden) paintGrid(inset, this.grid, theme, { colour: (unit) => inkColour(theme, image[unit]) });
    paintGrid(canvas("map"), film.grid, theme, { colour: (unit) => colourOf(theme, levels[unit]), keep, never, gaps: !pixels });

    const arrives = pixels ? light(image, channels) : this.features(whole);
    const sees = arrives && Float32Array.from(arrives, (value, unit) => value * theta[unit]);
    const most = pixels ? 1 : sees ? Math.max(1e-9, ...sees) : 1;
    const colour = (unit) => (keep[unit] ? (pixels ? tint(image, unit, theta[unit]) : inkColour(theme, sees ? sees[unit] / most : 0)) : prunedColour(theme, arrives ? (pixels ? arrives[unit] : sees[unit] / most) : 0));
    paintGrid(canvas("sees"), film.grid, theme, { colour, keep, never, gaps: !pixels });
    this.now = { levels, keep, theta, never, lit: pixels ? lit : null, image: light(shown, channels), sees };
    this.say(arrives, at, never);
  }

  // The maps of the image times E[theta] of their channels: what the noise of the features acts on.
  features(whole) {
    const { film, parentTheta } = this.run;
    const maps = whole?.made[film.layer.parent];
    return maps ? maps.map((value, unit) => value * parentTheta[Math.floor((unit * parentTheta.length) / maps.length)]) : null;
  }

  say(arrives, at, never) {
    const { root, run: { film }, given } = this;
    const { keep } = this.now;
    const kept = keep.reduce((sum, k) => sum + k, 0);
    const neverLit = never ? never.reduce((sum, n) => sum + n, 0) : isPixel(film) ? null : 0;
    const mass = arrives ? arrives.reduce((sum, value) => sum + value, 0) : 0;
    const share = mass ? arrives.reduce((sum, value, unit) => sum + value * keep[unit], 0) / mass : null;
    const epoch = film.epochs[at];
    const { short } = subject(this.view, null, given.classes);
    root.querySelector(".sentence").textContent = [
      mapSentence({ film, when: film.said[at], kept, neverLit, nTrain: given.nTrain }),
      seesSentence(film, share, short),
    ].join(" ");
    Object.assign(root.dataset, { epoch, kept, share: share == null ? "" : share.toFixed(4) });
  }

  controls(label) {
    const { root, view, given, run: { film } } = this;
    const find = (selector) => root.querySelector(selector);
    for (const button of root.querySelectorAll(".kinds button")) button.setAttribute("aria-pressed", String(button.dataset.kind === view.kind));
    for (const own of root.querySelectorAll(".own")) own.hidden = own.dataset.for !== view.kind;
    root.querySelectorAll(".means button").forEach((button, mean) => button.setAttribute("aria-pressed", String(mean === view.mean)));
    const number = find(".number");
    if (number.getRootNode().activeElement !== number || !number.dataset.shown || number.dataset.shown !== String(view.digit)) number.value = view.digit;
    number.dataset.shown = view.digit;
    find(".undo").disabled = find(".clear").disabled = !view.strokes.length;
    find(".invite").hidden = view.kind !== "drawn" || view.strokes.length > 0;
    if (find(".brush").getRootNode().activeElement !== find(".brush")) find(".brush").value = view.brush;
    find(".lost-word").textContent = isPixel(film) ? "lost ink" : "lost activity";
    if (view.kind === "drawn") find(".hint").textContent = "Inset: your digit, centred and scaled like the training images.";
    else if (find(".hint").textContent.startsWith("Inset")) find(".hint").textContent = "";
    find('.kinds [data-kind="drawn"]').hidden = given.image[0] !== 1 || given.image[1] !== SIDE;
    root.classList.toggle("drawing", view.kind === "drawn");
    root.classList.toggle("features", !isPixel(film));
    root.classList.toggle("without-weights", !this.run.full);
    find(".missing").textContent = this.run.full ? "" : given.missing;
    this.drawBar();
    // The maps of features are made by the weights, as the predictions are; pixels are the image's own.
    const note = atEnd(this.clock) && given.weights.startsWith("at") ? "" : given.weights;
    find(".probabilities .weights").textContent = note;
    find(".sees .weights").textContent = isPixel(film) ? "" : note;
    const titles = isPixel(film)
      ? [subject(view, label, given.classes).title, "SNR of each pixel", "What the network still sees"]
      : [subject(view, label, given.classes).title, `SNR of ${film.layer.of}’s features`, "The features that are kept"];
    ["digit", "map", "sees"].forEach((name, k) => {
      find(`.${name} b`).textContent = titles[k];
      find(`.${name} canvas`).setAttribute("aria-label", `${titles[k]}; arrow keys read its cells`);
    });
    Object.assign(root.dataset, { kind: view.kind, digit: view.digit });
  }

  buildMeans() {
    const box = this.root.querySelector(".means");
    if (box.childElementCount === this.given.classes.length) return;
    box.replaceChildren(...this.given.classes.map((name, mean) => {
      const button = element("button", { type: "button", textContent: name });
      button.onclick = () => this.set({ kind: "mean", mean });
      return button;
    }));
    const widest = Math.max(...this.given.classes.map((name) => name.length));
    this.root.style.setProperty("--names", `${Math.max(1.4, 0.55 * widest + 0.4)}rem`);
  }
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".pixels");
  root.pixels ??= new Pixels(root);
  root.pixels.receive(data, setStateValue);
  return () => root.pixels.stop();
}
