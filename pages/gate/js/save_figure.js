// Two small buttons on a figure that save it as SVG or PNG.
import { element } from "../../shared/js/dom.js";
import { download } from "./svg.js";

export function addSaveButtons(figure, gate) {
  const name = figure.dataset.figure;
  const buttons = ["svg", "png"].map((kind) => {
    const button = element("button", { type: "button", textContent: kind.toUpperCase(), title: `${figure.dataset.title}: save as ${kind.toUpperCase()}` });
    button.onclick = () => {
      const { clientWidth, clientHeight } = figure.querySelector("canvas");
      download(kind, `gate-${name}`, gate.painterOf(name), clientWidth, clientHeight, gate.theme.background);
    };
    return button;
  });
  figure.append(element("div", { className: "files" }, ...buttons));
}
