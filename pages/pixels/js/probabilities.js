// Class probabilities of the full and the compact network, one row a class, a bar for each of the two.
import { element } from "../../shared/js/dom.js";
import { count, percent } from "./words.js";

export function buildProbabilities(table, classes) {
  const said = JSON.stringify(classes);
  if (table.dataset.classes === said) return;
  table.dataset.classes = said;
  const body = table.querySelector("tbody");
  body.replaceChildren(...classes.map((name) => {
    const cells = ["full", "small"].map((kind) => element("td", { className: kind }, element("i"), element("span")));
    return element("tr", {}, element("th", { scope: "row", textContent: name }), ...cells);
  }));
}

export function updateProbabilities(table, full, small) {
  const [first, second] = table.querySelectorAll("thead small");
  first.textContent = full ? `${count(full.macs)} MACs` : "";
  second.textContent = small ? `${count(small.macs)} MACs` : "";
  [full, small].forEach((network, k) => {
    const best = network ? network.probabilities.indexOf(Math.max(...network.probabilities)) : -1;
    table.querySelectorAll("tbody tr").forEach((row, at) => {
      const cell = row.children[k + 1];
      const share = network?.probabilities[at] ?? 0;
      cell.firstChild.style.width = `${100 * share}%`;
      cell.lastChild.textContent = network ? percent(share) : "";
      cell.classList.toggle("best", at === best);
    });
  });
}
