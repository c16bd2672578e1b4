// Class probabilities of the full and the compact network, one row a class, a bar for each of the two.
import { count, percent } from "./words.js";

export function buildProbabilities(table, classes) {
  const said = JSON.stringify(classes);
  if (table.dataset.classes === said) return;
  table.dataset.classes = said;
  const body = table.querySelector("tbody");
  body.replaceChildren(...classes.map((name) => {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name }));
    for (const kind of ["full", "small"]) {
      const cell = row.appendChild(Object.assign(document.createElement("td"), { className: kind }));
      cell.append(document.createElement("i"), document.createElement("span"));
    }
    return row;
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
