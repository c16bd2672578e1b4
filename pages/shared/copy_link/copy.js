import { readTheme } from "../js/theme.js";
import { keepHistoryShort } from "./history.js";

// Copies the address with the theme. The clipboard is refused on plain http from another machine: then the link is shown to copy by hand.
export default function ({ parentElement }) {
  closeDrawer();
  keepHistoryShort(window.history);
  const button = parentElement.querySelector("button");
  const label = button.querySelector("span");
  button.onclick = async () => {
    const link = withTheme(window.location.href, readTheme(parentElement, {}).dark);
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      said = "Copy it from the box";
      window.prompt("The browser does not let a page copy here. Copy this link:", link);
    }
    label.textContent = said;
    button.classList.add("said");
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      label.textContent = "Copy link";
      button.classList.remove("said");
    }, 1600);
  };
}

// On a phone Streamlit leaves its drawer open over the page that was just chosen in it. Every page begins with this button.
function closeDrawer() {
  const drawer = document.querySelector('[data-testid="stSidebar"]');
  if (window.innerWidth >= 768 || !drawer || drawer.getBoundingClientRect().right <= 0) return;
  drawer.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}

// Streamlit's own name of a theme in an address, the only one that it follows from the first paint on.
function withTheme(address, dark) {
  const url = new URL(address);
  const others = url.searchParams.getAll("embed_options").filter((option) => !option.endsWith("_theme"));
  url.searchParams.delete("embed_options");
  for (const option of [...others, dark ? "dark_theme" : "light_theme"]) url.searchParams.append("embed_options", option);
  return url.href;
}
