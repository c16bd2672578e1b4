// One clock for every picture of a run. It knows no screen: time goes in, a moment comes out.
// A moment runs from 0 to frames - 1; a live run's clock follows its newest frame until somebody takes it back.

export const SPEEDS = [0.25, 0.5, 1, 2, 4];

export function makeClock({ frames, seconds, moment = 0, playing = false, loop = false, live = false, hold = 3 }) {
  return { frames, seconds, moment, playing, loop, live, following: live, hold, held: 0, speed: 1 };
}

export const last = (clock) => Math.max(clock.frames - 1, 0);
export const atEnd = (clock) => clock.moment >= last(clock) - 1e-9;

// Advances by `dt` seconds; returns whether the moment changed.
export function tick(clock, dt) {
  if (!clock.playing && !clock.following) return false;
  const before = clock.moment;
  if (clock.following) {
    // Newest frame reached within about a second, however late it came.
    clock.moment = Math.min(last(clock), before + Math.max(1, last(clock) - before) * dt * 1.5);
    return clock.moment !== before;
  }
  if (atEnd(clock)) {
    if (clock.live) {
      clock.following = true;
      clock.playing = false;
    } else if (!clock.loop) {
      clock.playing = false;
    } else if ((clock.held += dt) >= clock.hold) {
      clock.held = 0;
      clock.moment = 0;
    }
    return clock.moment !== before;
  }
  clock.moment = Math.min(last(clock), before + (dt * clock.speed * Math.max(last(clock), 1)) / clock.seconds);
  return true;
}

export function seek(clock, moment) {
  clock.moment = Math.min(Math.max(moment, 0), last(clock));
  clock.following = false;
  clock.held = 0;
}

// To the next whole frame in a direction, playing no more.
export function step(clock, direction) {
  clock.playing = false;
  const from = direction > 0 ? Math.floor(clock.moment + 1e-6) : Math.ceil(clock.moment - 1e-6);
  seek(clock, from + direction);
}

export function toggle(clock) {
  const moving = clock.playing || clock.following;
  clock.following = false;
  clock.playing = !moving;
  if (clock.playing && atEnd(clock)) {
    if (clock.live) clock.following = true;
    else clock.moment = 0;
  }
  if (clock.following) clock.playing = false;
  clock.held = 0;
}

export function follow(clock) {
  clock.following = clock.live;
  clock.playing = false;
}

// A live run has grown, or has ended; the moment shown stays where it was.
export function grow(clock, frames, moment, live) {
  clock.frames = frames;
  clock.moment = Math.min(moment, last(clock));
  clock.live = live;
  if (!live && clock.following) {
    clock.following = false;
    clock.moment = last(clock);
  }
}
