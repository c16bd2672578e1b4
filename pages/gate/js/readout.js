// Everything of the page that is text or a bar rather than a canvas: sliders' rows, gauges, the KL's terms, the table.
import { element } from "../../shared/js/dom.js";
import { FORMULAS, judge } from "./paper_formulas.js";
import { isKept, judgement, klSentence, num, printedSentence, remark, snrDefinition, snrWords, verdict } from "./words.js";

const SNR_TRACK = [0.1, 100];
const share = (value, [low, high]) => Math.min(Math.max((value - low) / (high - low), 0), 1);
const logShare = (value, [low, high]) => share(Math.log(value), [Math.log(low), Math.log(high)]);

// id, name, value, words, where it stands on its track (0 to 1), where the prior stands.
const GAUGES = [
  { id: "snr", name: "SNR", of: (g) => snrWords(g.snr), at: (g) => logShare(g.snr, SNR_TRACK), prior: (g, p) => logShare(p.snr, SNR_TRACK) },
  { id: "mean", name: "E[theta]", of: (g) => num(g.mean), at: (g) => share(g.mean, [0, Math.exp(g.b)]), prior: (g, p) => share(p.mean, [0, Math.exp(g.b)]) },
  { id: "sd", name: "sd", of: (g) => num(g.sd), at: (g) => share(g.sd, [0, Math.exp(g.b) / 2]), prior: (g, p) => share(p.sd, [0, Math.exp(g.b) / 2]), hint: (g) => `variance ${num(g.sd ** 2)}` },
  { id: "kl", name: "KL", of: (g) => `${num(g.kl)} nats`, at: (g) => share(g.kl, [0, 10]), prior: () => 0, hint: () => "KL(q ‖ p), from the prior" },
  { id: "entropy", name: "Entropy", of: (g) => `${num(g.entropyLog)} nats`, at: (g) => share(g.kl, [10, 0]), prior: () => 1, hint: (g) => `of log theta: log(b − a) − KL = ${num(Math.log(g.b - g.a))} − ${num(g.kl)}; of theta itself ${num(g.entropy)}` },
];

export function buildGauges(root) {
  const box = root.querySelector(".gauges");
  for (const { id, name } of GAUGES) {
    const track = element("div", { className: "track" }, element("i"), element("b"));
    const row = element("div", { className: `gauge ${id}` }, element("span", { textContent: name }), element("output"), track);
    if (id === "snr") {
      track.append(element("u", { style: `left: ${100 * logShare(1, SNR_TRACK)}%` }));
      const scale = element("div", { className: "scale" });
      for (const tick of [0.1, 1, 10, 100]) {
        scale.append(element("span", { style: `left: ${100 * logShare(tick, SNR_TRACK)}%`, textContent: String(tick) }));
      }
      row.append(scale);
    }
    box.append(row);
    if (id === "snr") box.append(element("p", { className: "defined" }, element("span"), element("b"), element("span"), element("u"), "Below 1 the noise is larger than the signal."));
  }
}

export function updateReadout(root, { gate, prior }) {
  root.classList.toggle("pruned", !isKept(gate));
  root.querySelector(".badge").textContent = isKept(gate) ? "kept" : "pruned";
  root.querySelector(".sentence").textContent = verdict(gate);
  root.querySelector(".remark").textContent = remark(gate, prior);
  const [defined, floor] = root.querySelectorAll(".defined span");
  defined.textContent = snrDefinition(gate);
  floor.textContent = `A unit that knows nothing has ${num(prior.snr)}. `;
  for (const { id, of, at, prior: priorAt, hint } of GAUGES) {
    const row = root.querySelector(`.gauge.${id}`);
    row.querySelector("output").textContent = of(gate);
    row.querySelector("i").style.width = `${100 * at(gate)}%`;
    row.querySelector("b").style.left = `${100 * priorAt(gate, prior)}%`;
    if (hint) row.title = hint(gate);
  }
  root.querySelector(".strip figcaption").textContent =
    `A hundred examples after this gate, one square each; the stronger the colour, the more passes (full colour: theta = ${num(Math.exp(gate.b))}).`;
}

// The terms of eq. 17 with this gate's numbers in them, as bars that add up to the KL.
const bare = (x) => (Math.abs(x) < 1e-6 ? "0" : num(x));

const TERMS = [
  { id: "width", label: (g) => `log (${num(g.b - g.a)} / (4.13 · ${num(g.sigma)}))` },
  { id: "mass", label: (g) => `− log Z, with Z = ${Math.abs(g.logZ) > 200 ? `exp(${num(g.logZ)})` : num(Math.exp(g.logZ))}` },
  { id: "edge", label: (g) => `− the ends' share; q(a) = ${bare(Math.exp(g.logDensity(g.a)))}, q(b) = ${bare(Math.exp(g.logDensity(g.b)))}` },
  { id: "total", label: () => "KL, their sum" },
];

export function buildTerms(root) {
  const box = root.querySelector(".terms");
  for (const { id } of TERMS) {
    box.append(element("div", { className: `term ${id}` }, element("span", { className: "live" }), element("output"), element("div", { className: "room" }, element("i"))));
  }
}

export function updateTerms(root, { gate }) {
  const values = { ...gate.terms, total: gate.kl };
  const edges = [0];
  for (const id of ["width", "mass", "edge"]) edges.push(edges[edges.length - 1] + values[id]);
  const low = Math.min(0, ...edges);
  const high = Math.max(10, ...edges);
  const place = (value) => (100 * (value - low)) / (high - low);
  root.querySelector(".terms").style.setProperty("--zero", `${place(0)}%`);
  TERMS.forEach(({ id, label }, index) => {
    const row = root.querySelector(`.term.${id}`);
    const [from, to] = id === "total" ? [0, gate.kl] : [edges[index], edges[index + 1]];
    row.querySelector(".live").textContent = label(gate);
    row.querySelector("output").textContent = id === "total" ? num(gate.kl) : `${values[id] > 1e-6 ? "+" : ""}${bare(values[id])}`;
    const bar = row.querySelector("i");
    bar.style.left = `${place(Math.min(from, to))}%`;
    bar.style.width = `${Math.abs(place(to) - place(from))}%`;
    bar.classList.toggle("minus", to < from);
  });
  root.querySelector(".kl .says").textContent = klSentence(gate);
}

const TABLE_PRECISIONS = ["float32", "float64"];

export function buildPrinted(root) {
  const head = ["formula", ...TABLE_PRECISIONS, "ours"].map((name) => element("th", { textContent: name, scope: "col" }));
  root.querySelector(".printed thead").append(element("tr", {}, ...head));
  for (const { id, name } of FORMULAS) {
    const cells = [...TABLE_PRECISIONS, "ours"].map((column) =>
      element("td", { className: column === "ours" ? "ours" : "", "data-column": column }, element("span", { className: "value" }), element("small")),
    );
    root.querySelector(".printed tbody").append(element("tr", { "data-formula": id }, element("td", { textContent: name }), ...cells));
  }
}

export function updatePrinted(root, { gate }) {
  let failed = 0;
  for (const formula of FORMULAS) {
    const row = root.querySelector(`[data-formula="${formula.id}"]`);
    const truth = gate[formula.quantity];
    for (const precision of TABLE_PRECISIONS) {
      const judged = judge(formula, gate, truth, precision);
      const cell = row.querySelector(`[data-column="${precision}"]`);
      cell.classList.toggle("bad", judged.verdict !== "right");
      cell.querySelector(".value").textContent = num(judged.value, 4);
      cell.querySelector("small").textContent = judgement(judged);
      failed += judged.verdict !== "right";
    }
    row.querySelector('[data-column="ours"] .value').textContent = num(truth, 4);
  }
  root.querySelector(".printed").closest("div").nextElementSibling.textContent = printedSentence(failed, FORMULAS.length * TABLE_PRECISIONS.length);
}
