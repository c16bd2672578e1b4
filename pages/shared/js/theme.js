import { isDark } from "./colours.js";

// Grounds, text and font of Streamlit's theme as the browser resolves them. `own`: { light, dark }, more of each theme.
export function readTheme(root, own) {
  const probe = root.appendChild(document.createElement("span"));
  const style = getComputedStyle(probe);
  const resolve = (name, fallback) => {
    probe.style.color = `var(${name}, ${fallback})`;
    return style.color;
  };
  const background = resolve("--st-background-color", "#ffffff");
  const dark = isDark(background);
  const text = resolve("--st-text-color", dark ? "#e8eef4" : "#1b2733");
  const line = resolve("--st-border-color", dark ? "#2f3d4b" : "#d5dce3");
  probe.style.fontFamily = "var(--st-font, sans-serif)";
  const font = style.fontFamily;
  probe.remove();
  return { dark, background, text, line, font, ...(dark ? own.dark : own.light) };
}
