// The bar under a film, the same on every page: play, step, scrub, speed, follow, by hand and by keys.

import { follow, last, momentAt, placeAt, seek, SPEEDS, step, toggle } from "./clock.js";

const ICONS = { play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z", back: "M6 5h2.5v14H6zM19 5v14L9.5 12z", next: "M15.5 5H18v14h-2.5zM5 5v14l9.5-7z" };
const TYPING = "input:not(.scrub), textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=radiogroup], [role=tablist]";

// root: what holds the bar. clock(): the film's. hand(change): told of what the hand does to it. sped(): another speed.
export function makeBar(root, { clock, hand: told, sped }) {
  const hand = (change) => clock() && told(change); // before its film is here the bar does nothing
  const find = (name) => root.querySelector(`.bar .${name}`);
  const parts = { play: find("play"), back: find("back"), next: find("next"), scrub: find("scrub"), when: find("when"), speed: find("speed"), live: find("live") };

  // said: the moment in words; whole: the same, of how many.
  function draw(said, whole = said) {
    const { playing, following, live, speed, track, moment } = clock();
    const moving = playing || following;
    parts.play.querySelector("path").setAttribute("d", moving ? ICONS.pause : ICONS.play);
    const verb = moving ? (following ? "Pause the view; training continues" : "Pause") : "Play";
    parts.play.querySelector("span").textContent = live && following ? "Pause view" : "";
    if (parts.play.title !== verb) {
      parts.play.title = verb;
      parts.play.setAttribute("aria-label", verb);
    }
    const [place, end] = [placeAt(clock(), moment), track[last(clock())] || 1];
    parts.scrub.max = String(end);
    if (parts.scrub !== root.getRootNode().activeElement || moving) parts.scrub.value = String(place);
    parts.scrub.style.setProperty("--done", `${(100 * place) / end}%`);
    parts.scrub.setAttribute("aria-valuetext", said);
    parts.live.hidden = !live;
    parts.live.classList.toggle("on", following);
    parts.when.textContent = whole;
    parts.speed.textContent = `${speed}×`;
    parts.speed.setAttribute("aria-label", `Speed ${speed}×`);
  }

  const stand = (moment) => hand(() => {
    clock().playing = false;
    seek(clock(), moment());
  });
  const keys = {
    ArrowRight: () => hand(() => step(clock(), 1)),
    ArrowLeft: () => hand(() => step(clock(), -1)),
    Home: () => stand(() => 0),
    End: () => stand(() => last(clock())),
    " ": () => hand(() => toggle(clock())),
  };

  function keyed(event) {
    const target = event.composedPath()[0];
    const pressed = event.key === " " && target.closest?.("button, a, summary");
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || pressed || target.closest?.(TYPING)) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }

  parts.play.onclick = keys[" "];
  parts.back.onclick = keys.ArrowLeft;
  parts.next.onclick = keys.ArrowRight;
  parts.live.onclick = () => hand(() => follow(clock()));
  parts.scrub.oninput = () => stand(() => momentAt(clock(), Number(parts.scrub.value)));
  parts.speed.onclick = () => {
    if (!clock()) return;
    clock().speed = SPEEDS.find((speed) => speed > clock().speed) ?? SPEEDS[0];
    sped(clock().speed);
  };
  parts.back.querySelector("path").setAttribute("d", ICONS.back);
  parts.next.querySelector("path").setAttribute("d", ICONS.next);
  // The same listener is added once, however often a page is shown again.
  return { draw, listen: () => document.addEventListener("keydown", keyed), stop: () => document.removeEventListener("keydown", keyed) };
}
