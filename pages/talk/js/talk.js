// Slides over the whole window. Each is a page of this app in a frame, larger than on a desk; the next one is fetched
// while one is looked at, so that nobody waits.
import { element } from "../../shared/js/dom.js";
import { readTheme } from "../../shared/js/theme.js";

const NEXT = ["ArrowRight", "ArrowDown", "PageDown", "Enter", " "];
const BACK = ["ArrowLeft", "ArrowUp", "PageUp", "Backspace"];
const CLICKER = ["PageDown", "PageUp"]; // these turn the slide even where a control of the page has the focus
const CONTROLS = "input, textarea, select, button, a, canvas, [role=slider], [tabindex='0'], [contenteditable]";

export default function (component) {
  const { parentElement: root, data, setStateValue } = component;
  const dialog = root.querySelector("dialog");
  dialog.talk ??= start(dialog);
  dialog.talk.take(data, setStateValue);
  return () => dialog.talk.end();
}

function start(dialog) {
  const part = (selector) => dialog.querySelector(selector);
  const frames = new Map(); // by the address that it shows
  let slides = [];
  let at = -1;
  let told = () => {};
  let words = {};
  let taken = null; // the slide that Python gave last: its own echo moves nothing
  let asked = new Set(); // questions that have been answered
  let recorded = false;

  const source = (slide) => (recorded && slide.recorded ? slide.recorded : slide);

  // A frame with a page that has neither header nor margins, and only the parts that a slide shows.
  function frame({ src, show }, height) {
    const key = `${src} ${show}`;
    if (frames.has(key)) return frames.get(key);
    const theme = readTheme(dialog, { light: {}, dark: {} }).dark ? "dark_theme" : "light_theme";
    const made = element("iframe", { title: "The figure of this slide" });
    made.dataset.height = height;
    fit(made);
    made.addEventListener("load", () => {
      const page = made.contentDocument;
      if (!page) return;
      const shown = show.map((name) => `.st-key-${CSS.escape(name)}`).join(", ");
      const rest = `[data-testid=stMainBlockContainer] > [data-testid=stVerticalBlock] > *`;
      const hidden = shown ? `${rest}:not(${shown}, :has(${shown})) { display: none; }` : "";
      // What chooses the run, and a figure's title with its files, have no place on a slide.
      const lines = ["page-header", "channels-line", "pixels-line", "threshold-line", "methods-network"].map((name) => `.st-key-${name}`);
      const titles = "[data-testid=stLayoutWrapper]:has(> [class*='st-key-title-'])";
      const bare = `${lines}, ${titles}, [data-testid=stHeader] { display: none !important; }`;
      const styles = `${bare} [data-testid=stMainBlockContainer] { padding: 0 !important; max-width: none !important; } ${hidden}`;
      page.head.append(element("style", { textContent: styles }));
      page.addEventListener("keydown", (event) => pressed(event, event.composedPath()[0]), true);
    });
    made.src = `${src}${src.includes("?") ? "&" : "?"}embed_options=${theme}`;
    frames.set(key, made);
    part(".frames").append(made);
    return made;
  }

  // As large as the screen lets it be, at its own proportions.
  function fit(one) {
    const zoom = part(".frames").clientHeight / one.dataset.height || 1;
    one.style.cssText = `width: ${100 / zoom}%; height: ${100 / zoom}%; transform: scale(${zoom})`;
  }

  function mark(slide) {
    if (!slide.recorded) return { live: "live", recorded: "recorded", computed: "computed here" }[slide.source];
    return recorded ? "recorded (R: live)" : "live (R: recorded)";
  }

  function draw() {
    const slide = slides[at];
    part("h1").textContent = slide.title;
    part(".words p").textContent = slide.sentence;
    part(".place").textContent = `${at + 1} / ${slides.length}`;
    part(".mark").textContent = mark(slide);
    part("aside").textContent = slide.note || "This slide has no note.";
    part(".back").disabled = at === 0;
    part(".on").disabled = at === slides.length - 1;
    const room = part(".room");
    if (slide.code) {
      room.innerHTML = slide.code; // drawn by the server from its own address
      room.firstElementChild.setAttribute("role", "img");
      room.firstElementChild.setAttribute("aria-label", `Open this on a phone: ${slide.link}`);
    } else {
      const how = element("details", {}, element("summary", { textContent: "On phones" }), `${words.closed} `);
      how.append(element("code", { textContent: words.command }));
      room.replaceChildren(how);
    }
    const shown = frame(source(slide), slide.height);
    const near = [slides[at - 1], slides[at + 1]].filter(Boolean).map((one) => frame(source(one), one.height));
    for (const [key, one] of frames) {
      one.classList.toggle("shown", one === shown);
      one.inert = one !== shown;
      if (one !== shown && !near.includes(one)) {
        one.remove();
        frames.delete(key);
      }
    }
    const covered = slide.question && !asked.has(at);
    part(".cover").hidden = !covered;
    part(".cover p").textContent = slide.question;
  }

  function go(to) {
    if (to < 0 || to >= slides.length || to === at) return;
    at = to;
    recorded = false;
    draw();
    told("slide", at);
  }

  function reveal() {
    asked.add(at);
    draw();
  }

  const on = () => (part(".cover").hidden ? go(at + 1) : reveal());
  const flip = (selector) => (part(selector).hidden = !part(selector).hidden);

  function end() {
    if (dialog.open) dialog.close();
    for (const one of frames.values()) one.remove();
    frames.clear();
    if (document.fullscreenElement) document.exitFullscreen();
  }

  function leave() {
    end();
    told("end", Date.now());
  }

  function pressed(event, target) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const own = target !== event.currentTarget && target?.closest?.(CONTROLS);
    if (own && !CLICKER.includes(key)) return;
    if (key === "Escape") {
      if (document.fullscreenElement) return; // the browser leaves full screen by itself
      leave();
    } else if (!part(".black").hidden) part(".black").hidden = true;
    else if (NEXT.includes(key)) on();
    else if (BACK.includes(key)) go(at - 1);
    else if (key === "Home") go(0);
    else if (key === "End") go(slides.length - 1);
    else if (/^[bB.]$/.test(key)) flip(".black");
    else if (/^[nN]$/.test(key)) flip("aside");
    else if (/^[fF]$/.test(key)) {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen?.();
    } else if (/^[rR]$/.test(key) && slides[at].recorded) {
      recorded = !recorded;
      draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  new ResizeObserver(() => frames.forEach(fit)).observe(part(".frames"));
  dialog.addEventListener("keydown", (event) => pressed(event, event.composedPath()[0]));
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Escape is taken above
  part(".on").onclick = on;
  part(".back").onclick = () => go(at - 1);
  part(".cover button").onclick = reveal;
  part(".black").onclick = () => flip(".black");

  return {
    end,
    take(data, tell) {
      told = tell;
      words = data;
      slides = data.slides;
      if (!dialog.open) dialog.showModal();
      if (data.at !== taken) {
        taken = data.at;
        if (data.at !== at) {
          at = data.at;
          draw();
        }
      }
      if (document.activeElement !== dialog) dialog.focus();
    },
  };
}
