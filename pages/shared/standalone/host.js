// What Streamlit does for a component, without Python: calls it once, and again when the reader's theme changes.
const host = {
  parentElement: document.querySelector("main").shadowRoot,
  data: JSON.parse(document.getElementById("data").textContent),
  setStateValue() {},
  setTriggerValue() {},
};
showComponent(host);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => showComponent(host));
