// What is drawn by hand: strokes on a sheet of 28 x 28, made into an image like MNIST's, and into a link. No DOM.

export const SIDE = 28;
const BOX = 20; // MNIST's digits fill a box of 20 x 20, and their centre of mass is in the middle of the image:
const MIDDLE = 14.5; // its test images have it at 14.50, 14.49 (n = 2,000), the middle of pixel 14
const SOFT = 0.9; // pixels over which an edge fades
const BASE = 36 ** 2;
const LONGEST = 3600;

// The nearer to a line, the darker: [784] in [0, 1]. strokes: [[[x, y], ...], ...], x to the right, y down, 0 to 28.
export function rasterise(strokes, radius, soft = SOFT) {
  const image = new Float32Array(SIDE * SIDE);
  const reach = radius + soft / 2;
  for (const stroke of strokes) {
    for (let i = 0; i < Math.max(stroke.length - 1, 1); i += 1) {
      const [ax, ay] = stroke[i];
      const [bx, by] = stroke[Math.min(i + 1, stroke.length - 1)];
      const [dx, dy] = [bx - ax, by - ay];
      const length = dx * dx + dy * dy;
      const inside = (low, high) => [Math.max(0, Math.floor(Math.min(low, high) - reach)), Math.min(SIDE - 1, Math.ceil(Math.max(low, high) + reach))];
      const [[left, right], [top, bottom]] = [inside(ax, bx), inside(ay, by)];
      for (let row = top; row <= bottom; row += 1) {
        for (let column = left; column <= right; column += 1) {
          const [px, py] = [column + 0.5 - ax, row + 0.5 - ay];
          const share = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
          const value = (reach - Math.hypot(px - share * dx, py - share * dy)) / soft;
          if (value > image[row * SIDE + column]) image[row * SIDE + column] = Math.min(1, value);
        }
      }
    }
  }
  return image;
}

// The centre of mass of an image, [x, y]; the middle for an empty one.
export function centre(image) {
  let [mass, x, y] = [0, 0, 0];
  image.forEach((value, at) => {
    mass += value;
    x += value * ((at % SIDE) + 0.5);
    y += value * (Math.floor(at / SIDE) + 0.5);
  });
  return mass ? [x / mass, y / mass] : [MIDDLE, MIDDLE];
}

// The drawing as MNIST would have it: scaled into the box, by default of 20 x 20, its centre of mass in the middle.
export function centred(strokes, radius, soft = SOFT, box = BOX) {
  const points = strokes.flat();
  if (!points.length) return new Float32Array(SIDE * SIDE);
  const range = (axis) => [Math.min(...points.map((p) => p[axis])), Math.max(...points.map((p) => p[axis]))];
  const [[left, right], [top, bottom]] = [range(0), range(1)];
  // A dot stays a dot.
  const scale = Math.min(3, (box - 2 * radius) / Math.max(right - left, bottom - top, 1e-9));
  const moved = (shiftX, shiftY) => strokes.map((stroke) => stroke.map(([x, y]) => [(x - left) * scale + shiftX, (y - top) * scale + shiftY]));
  const [x, y] = [(SIDE - (right - left) * scale) / 2, (SIDE - (bottom - top) * scale) / 2];
  const [cx, cy] = centre(rasterise(moved(x, y), radius, soft));
  return rasterise(moved(x + MIDDLE - cx, y + MIDDLE - cy), radius, soft);
}

// Adds a point unless it is hardly any way from the last one.
export function extend(stroke, point, least = 0.35) {
  const last = stroke.at(-1);
  if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) < least) return false;
  stroke.push(point.map((value) => Math.min(SIDE, Math.max(0, value))));
  return true;
}

// Strokes as text for a link: two characters a coordinate, a dash between strokes; the oldest points of a scrawl go.
export function toText(strokes) {
  const code = (value) => Math.round((value / SIDE) * (BASE - 1)).toString(36).padStart(2, "0");
  const said = strokes.map((stroke) => stroke.map((point) => point.map(code).join("")).join("")).join("-");
  return said.length > LONGEST ? said.slice(said.indexOf("-", said.length - LONGEST) + 1).slice(0, LONGEST - (LONGEST % 4)) : said;
}

export function fromText(text) {
  const value = (code) => (parseInt(code, 36) / (BASE - 1)) * SIDE;
  const points = (part) => part.match(/.{4}/g).map((p) => [value(p.slice(0, 2)), value(p.slice(2))]);
  return text ? text.split("-").map(points) : [];
}
