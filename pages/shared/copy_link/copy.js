// Copies the address bar. The clipboard is refused on plain http from another machine: then the link is shown to copy by hand.
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  const label = button.querySelector("span");
  button.onclick = async () => {
    const link = window.location.href;
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
