// The part of a canvas context that the figures use, written as SVG: the same painter makes the file to download.

const escape = (words) => String(words).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
const short = (x) => String(Math.round(x * 100) / 100);

export class SvgContext {
  // `name` keeps the ids of two figures apart when both are pasted into one page.
  constructor(width, height, name) {
    Object.assign(this, { width, height, name, out: [], stack: [], path: "", groups: 0, clips: 0 });
    Object.assign(this, { fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, lineCap: "butt", lineJoin: "miter" });
    Object.assign(this, { font: "13px sans-serif", textAlign: "left", textBaseline: "alphabetic", dash: [] });
  }

  save() {
    const { fillStyle, strokeStyle, lineWidth, lineCap, lineJoin, font, textAlign, textBaseline, dash, groups } = this;
    this.stack.push({ fillStyle, strokeStyle, lineWidth, lineCap, lineJoin, font, textAlign, textBaseline, dash, groups });
  }

  restore() {
    const state = this.stack.pop();
    for (let open = this.groups; open > state.groups; open--) this.out.push("</g>");
    Object.assign(this, state);
  }

  beginPath() { this.path = ""; }
  moveTo(x, y) { this.path += `M${short(x)} ${short(y)}`; }
  lineTo(x, y) { this.path += `L${short(x)} ${short(y)}`; }
  closePath() { this.path += "Z"; }
  rect(x, y, w, h) { this.path += `M${short(x)} ${short(y)}h${short(w)}v${short(h)}h${short(-w)}Z`; }
  // Only whole circles are drawn.
  arc(x, y, r) {
    this.path += `M${short(x - r)} ${short(y)}a${short(r)} ${short(r)} 0 1 0 ${short(2 * r)} 0a${short(r)} ${short(r)} 0 1 0 ${short(-2 * r)} 0`;
  }

  setLineDash(dash) { this.dash = dash; }
  strokeAttributes() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    return `fill="none" stroke="${this.strokeStyle}" stroke-width="${short(this.lineWidth)}" stroke-linecap="${this.lineCap}" stroke-linejoin="${this.lineJoin}"${dash}`;
  }
  fill() { this.out.push(`<path d="${this.path}" fill="${this.fillStyle}"/>`); }
  stroke() { this.out.push(`<path d="${this.path}" ${this.strokeAttributes()}/>`); }
  fillRect(x, y, w, h) { this.out.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" fill="${this.fillStyle}"/>`); }
  strokeRect(x, y, w, h) { this.out.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" ${this.strokeAttributes()}/>`); }

  clip() {
    const id = `${this.name}-clip${++this.clips}`;
    this.out.push(`<clipPath id="${id}"><path d="${this.path}"/></clipPath><g clip-path="url(#${id})">`);
    this.groups++;
  }

  words(words, x, y, paint) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const [, weight, size, family] = /^(\d+) ([\d.]+)px (.*)$/.exec(this.font) ?? [null, 400, 13, "sans-serif"];
    // Few programs know dominant-baseline; the shift is a share of the font's size.
    const drop = { top: 0.8, middle: 0.33, bottom: -0.22, alphabetic: 0 }[this.textBaseline] * size;
    this.out.push(`<text x="${short(x)}" y="${short(y + drop)}" font-family="${escape(family)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" ${paint}>${escape(words)}</text>`);
  }
  fillText(words, x, y) { this.words(words, x, y, `fill="${this.fillStyle}"`); }
  strokeText(words, x, y) { this.words(words, x, y, this.strokeAttributes()); }

  drawImage(canvas, x, y, w, h) {
    this.out.push(`<image x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" preserveAspectRatio="none" href="${canvas.toDataURL("image/png")}"/>`);
  }

  toString(background) {
    const { width, height } = this;
    const ground = `<rect width="${width}" height="${height}" fill="${background}"/>`;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${ground}${this.out.join("\n")}</svg>\n`;
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Downloads a figure: SVG by painting it again, PNG at three times its size on the screen.
export function download(kind, name, paint, width, height, background) {
  if (kind === "svg") {
    const context = new SvgContext(width, height, name);
    paint(context, { width, height });
    save(new Blob([context.toString(background)], { type: "image/svg+xml" }), `${name}.svg`);
    return;
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * 3, height * 3];
  const context = canvas.getContext("2d");
  context.scale(3, 3);
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  paint(context, { width, height });
  canvas.toBlob((blob) => save(blob, `${name}.png`), "image/png");
}
