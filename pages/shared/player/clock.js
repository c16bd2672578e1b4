// One clock for every picture of a run. It knows no screen: time goes in, a moment comes out.
// A moment runs from 0 to frames - 1; `track` says where on the axis each frame stands, and the hand moves evenly there.
// A live run's clock follows its newest frame until somebody takes it back.

export const SPEEDS = [0.25, 0.5, 1, 2, 4];
const HOLD = 3;

export function makeClock({ track, seconds, moment = 0, playing = false, loop = false, live = false }) {
  return { track, seconds, moment, playing, loop, live, following: live, held: 0, speed: 1 };
}

export const last = (clock) => Math.max(clock.track.length - 1, 0);
export const atEnd = (clock) => clock.moment >= last(clock) - 1e-9;

// Where a moment stands on the track, and back.
export function placeAt(clock, moment) {
  const frame = Math.min(Math.floor(moment), last(clock));
  const next = Math.min(frame + 1, last(clock));
  return clock.track[frame] + (clock.track[next] - clock.track[frame]) * (moment - frame);
}

export function momentAt(clock, place) {
  let frame = 0;
  while (frame < last(clock) && clock.track[frame + 1] <= place) frame += 1;
  if (frame === last(clock)) return frame;
  const share = (place - clock.track[frame]) / (clock.track[frame + 1] - clock.track[frame]);
  return frame + Math.min(Math.max(share, 0), 1);
}

// Advances by `dt` seconds; returns whether the moment changed.
export function tick(clock, dt) {
  if (!clock.playing && !clock.following) return false;
  const before = clock.moment;
  if (clock.following) {
    // The newest frame is reached within about a second, however far ahead it is.
    clock.moment = Math.min(last(clock), before + Math.max(1, last(clock) - before) * dt * 1.5);
    return clock.moment !== before;
  }
  if (atEnd(clock)) {
    if (clock.live) follow(clock);
    else if (!clock.loop) clock.playing = false;
    else if ((clock.held += dt) >= HOLD) {
      clock.held = 0;
      clock.moment = 0;
    }
    return clock.moment !== before;
  }
  const span = clock.track[last(clock)] - clock.track[0];
  clock.moment = momentAt(clock, placeAt(clock, before) + (dt * clock.speed * span) / clock.seconds);
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
  clock.held = 0;
  if (!clock.playing || !atEnd(clock)) return;
  if (clock.live) follow(clock);
  else clock.moment = 0;
}

export function follow(clock) {
  clock.following = clock.live;
  clock.playing = false;
}

// A live run has grown, or has ended; the moment shown stays where it was.
export function grow(clock, track, moment, live) {
  const revived = live && !clock.live && atEnd(clock); // resumed while its end was on show
  clock.track = track;
  clock.moment = Math.min(moment, last(clock));
  clock.live = live;
  if (revived) follow(clock);
  if (!live && clock.following) {
    clock.following = false;
    clock.moment = last(clock);
  }
}
