// Wires the page: one state (mu, sigma, a, b), whatever moves it, and one draw a frame. Python hears of it on release.
import { CROSSING, describe, klAt, prior, COARSE } from "./maths.js";
import { paintLogDensity, paintStrip, paintTheta } from "./density.js";
import { computeGrid, paintMap, prepareMap, mapArea } from "./map.js";
import { computeBreaks, snrCurve, paintBreaks, paintPruning, paintThreshold, paintTruncation, SHOWN } from "./explanations.js";
import { FORMULAS } from "./paper_formulas.js";
import { element, embedded, fit } from "../../shared/js/dom.js";
import { gateTheme } from "./plot.js";
import { buildGauges, buildPrinted, buildTerms, updatePrinted, updateReadout, updateTerms } from "./readout.js";
import { buildControls, updateControls } from "./controls.js";
import { attachDrag } from "./drag.js";
import { attachAnimation, updateAnimation } from "./animation.js";
import { attachStep, dimStep, receiveStep } from "./step.js";
import { addSaveButtons } from "./save_figure.js";
import { pruningSentence, num, plain, thresholdSentence, truncationSentence, verdict } from "./words.js";
import { LIMITS, settle } from "./view.js";

const PAINTERS = {
  "log-density": paintLogDensity, theta: paintTheta, map: paintMap, examples: paintStrip,
  threshold: paintThreshold, pruning: paintPruning, truncation: paintTruncation,
};
const QUICK = [45, 33];
const FULL = [121, 89];
const IDLE_MS = 140;

class Gate {
  constructor(root) {
    root.classList.toggle("embedded", embedded());
    Object.assign(this, { root, view: null, seen: null, theme: null, drawn: { draws: 0 }, dragging: null, frame: null });
    Object.assign(this, { arithmetic: "float32", grid: null, map: null, breaks: null, near: new Set(), hand: () => {} });
    buildGauges(root);
    buildTerms(root);
    buildPrinted(root);
    this.buildBreaks();
    buildControls(root, this);
    attachDrag(root, this);
    attachAnimation(root, this);
    attachStep(root, this);
    for (const figure of root.querySelectorAll("figure[data-figure]")) addSaveButtons(figure, this);
  }

  // Called by Streamlit at the start, and again whenever Python's data or the theme changes.
  receive(data, hand) {
    this.hand = hand;
    this.theme = gateTheme(this.root, data.palette);
    const { kept, pruned, kl, reference } = this.theme;
    for (const [name, value] of Object.entries({ kept, pruned, kl, reference, keptText: this.theme.keptText, prunedText: this.theme.prunedText })) {
      this.root.style.setProperty(`--${name}`, value);
    }
    const look = JSON.stringify(this.theme);
    if (look !== this.look) [this.look, this.map] = [look, null];
    const said = JSON.stringify(data.view);
    if (said !== this.seen) {
      this.seen = said;
      this.view = settle(data.view);
    }
    receiveStep(this.root, this, data.step);
    this.observe();
    this.draw();
  }

  observe() {
    if (this.sizes) return;
    this.sizes = new ResizeObserver(() => this.request());
    this.sizes.observe(this.root);
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.near.add(target);
        else this.near.delete(target);
      }
    });
    for (const canvas of this.root.querySelectorAll("canvas")) this.sight.observe(canvas);
  }

  stop() {
    this.sizes?.disconnect();
    this.sight?.disconnect();
    this.sizes = null;
    cancelAnimationFrame(this.pending);
    clearTimeout(this.idle);
    this.pending = null;
    this.stopMoving?.();
  }

  // A change of some values; drawn in the next frame, however many come before it.
  set(changes) {
    this.view = settle({ ...this.view, ...changes }, changes);
    this.request();
  }

  request() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  // The user let go: Python is told, which puts the values into the address, and screen readers are.
  release() {
    const told = { ...this.view, draw: this.drawNumber ?? this.step.draw };
    const said = JSON.stringify(told);
    if (said === this.told) return;
    this.told = said;
    this.root.querySelector(".spoken").textContent = verdict(describe(this.view));
    this.hand("view", told);
  }

  draw() {
    const start = performance.now();
    const { root, view, theme } = this;
    const gate = describe(view);
    const scene = { gate, prior: prior(view.a, view.b), crossing: CROSSING, dragging: this.dragging, frame: this.frame ?? view };
    this.scene = scene;
    root.style.setProperty("--now", gate.snr >= 1 ? theme.kept : theme.pruned);
    updateReadout(root, scene);
    updateControls(root, view);
    updateAnimation(root, view);
    dimStep(root, this);
    scene.map = this.mapOf(false);
    this.paint((canvas) => this.near.has(canvas));
    if (this.sees(".kl, .pair")) this.below(scene);
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.finish(), IDLE_MS);
    root.dataset.draws = ++this.drawn.draws;
    root.dataset.ms = (performance.now() - start).toFixed(2);
  }

  // Once nothing has moved for a moment: the fine map, and what is out of sight.
  finish() {
    this.scene.map = this.mapOf(true);
    this.below(this.scene);
    const key = `${this.view.a} ${this.view.b} ${this.arithmetic}`;
    if (this.breaksKey !== key) {
      this.breaksKey = key;
      this.breaks = computeBreaks(this.view, this.arithmetic, 72, 48);
    }
    this.updateBreaks();
    this.paint(() => true);
    this.describeFigures();
    this.root.dataset.settled = this.drawn.draws;
  }

  // What a screen reader reads out for each canvas: its title and the sentence that restates it.
  describeFigures() {
    const { root, view, scene } = this;
    const said = verdict(scene.gate);
    for (const figure of root.querySelectorAll("figure[data-figure]")) {
      const own = figure.closest("section") && figure.parentElement.querySelector(".says").textContent;
      const canvas = figure.querySelector("canvas");
      const handle = canvas.getAttribute("role") === "img" ? "" : "; drag it, or use the arrow keys";
      canvas.setAttribute("aria-label", `${figure.dataset.title}${handle}. ${own ?? said}`);
    }
    const mu = root.querySelector(".log canvas");
    const bounds = { valuemin: view.a - LIMITS.reach, valuemax: view.b + LIMITS.reach, valuenow: view.mu };
    for (const [name, value] of Object.entries(bounds)) mu.setAttribute(`aria-${name}`, value);
    mu.setAttribute("aria-valuetext", `mu = ${plain(view.mu)}`);
  }

  sees(selector) {
    return [...this.root.querySelectorAll(selector)].some((part) => part.getBoundingClientRect().top < window.innerHeight);
  }

  // The sentences and tables under the fold; the SNR curve is shared by its figure and its sentence.
  below(scene) {
    const { root } = this;
    const { gate } = scene;
    updateTerms(root, scene);
    updatePrinted(root, scene);
    scene.curve = snrCurve(gate);
    const says = (figure, words) => { root.querySelector(`.${figure}`).parentElement.querySelector(".says").textContent = words; };
    says("threshold", thresholdSentence(gate, scene.prior, CROSSING));
    says("pruning", pruningSentence(gate, scene.curve.sigmaAtOne));
    const gain = gate.kl - klAt(gate.mu, gate.sigma * Math.E, gate.a, gate.b, COARSE);
    says("truncation", truncationSentence(gate, gain));
  }

  mapOf(fine) {
    const { a, b } = this.view;
    const canvas = this.root.querySelector(".map canvas");
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const stale = !this.grid || this.grid.a !== a || this.grid.b !== b;
    if (stale || (fine && this.grid.columns === QUICK[0])) {
      this.grid = computeGrid(this.view, ...(fine ? FULL : QUICK));
      this.map = null;
    }
    if (!this.map || this.map.width !== width || this.map.height !== height) {
      const { left, right, top, bottom } = mapArea({ width, height });
      this.map = { ...prepareMap(this.grid, right - left, bottom - top, this.theme), width, height };
    }
    return this.map;
  }

  paint(wanted) {
    for (const [name, painter] of Object.entries(PAINTERS)) {
      const canvas = this.root.querySelector(`[data-figure="${name}"] canvas`);
      if (!wanted(canvas) || canvas.clientWidth === 0) continue;
      if (name === "pruning") this.scene.curve ??= snrCurve(this.scene.gate);
      const { ctx, width, height } = fit(canvas);
      painter(ctx, { width, height }, this.scene, this.theme);
    }
    if (this.breaks) this.scene.breaks = this.breaks;
    this.root.querySelectorAll(".maps canvas").forEach((canvas, k) => {
      if (!this.breaks || !wanted(canvas) || canvas.clientWidth === 0) return;
      const { ctx, width, height } = fit(canvas);
      paintBreaks(ctx, { width, height }, this.scene, this.theme, k);
    });
  }

  painterOf(name) {
    return (context, size) => PAINTERS[name](context, size, this.sceneFor(name, size), this.theme);
  }

  sceneFor(name, { width, height }) {
    if (name !== "map") return this.scene;
    const { left, right, top, bottom } = mapArea({ width, height });
    return { ...this.scene, map: prepareMap(this.grid, 2 * (right - left), 2 * (bottom - top), this.theme) };
  }

  buildBreaks() {
    const choice = this.root.querySelector(".choice");
    for (const arithmetic of ["float32", "float64"]) {
      const button = element("button", { type: "button", textContent: arithmetic, "aria-pressed": String(arithmetic === this.arithmetic) });
      button.onclick = () => {
        this.arithmetic = arithmetic;
        for (const other of choice.children) other.setAttribute("aria-pressed", String(other === button));
        this.finish();
      };
      choice.append(button);
    }
    const names = [...SHOWN.map((id) => FORMULAS.find((formula) => formula.id === id).name), "this project"];
    for (const name of names) {
      const caption = element("figcaption", {}, element("span", { textContent: name }), element("b"));
      this.root.querySelector(".maps").append(element("figure", {}, element("canvas", { role: "img", "aria-label": name }), caption));
    }
  }

  updateBreaks() {
    const { share, precision } = this.breaks;
    this.root.querySelectorAll(".maps b").forEach((said, k) => { said.textContent = `${num(100 * share[k], 2)} %`; });
    const [low, high] = [Math.min(...share.slice(0, -1)), Math.max(...share.slice(0, -1))];
    this.root.querySelector(".breaks .says").textContent =
      `In ${precision} the printed formulas are right on ${Math.round(100 * low)} to ${Math.round(100 * high)} % of this box; the integrals on all of it.`;
  }
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".gate");
  root.gate ??= new Gate(root);
  root.gate.receive(data, setStateValue);
  return () => root.gate.stop();
}
