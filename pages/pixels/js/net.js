// The network in the browser: reads a safetensors file, cuts removed units out, computes logits. No DOM.
// Held equal to torch by tests/browser/test_pixels_maths.py.

// A safetensors file (8 bytes of length, a JSON header, raw values) as { meta, tensors: { name: { shape, values } } }.
export function readTensors(bytes) {
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  const { __metadata__: meta = {}, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
    const raw = bytes.slice(8 + size + from, 8 + size + to); // a copy, so that floats lie where floats may lie
    tensors[name] = { shape, values: dtype === "F32" ? new Float32Array(raw.buffer) : raw };
  }
  return { meta, tensors };
}

const places = (mask) => Int32Array.from([...mask.keys()].filter((unit) => mask[unit]));

// Cuts a network: the kept rows and columns of every layer, E[theta] of what a layer reads folded into its weights.
// wiring: [{ name, kind, reads, makes, kernel, positions, pool, padding }] in the order of the forward pass. parents:
// features -> channels. pixels: the group whose theta multiplies the image itself, "" for none.
// keep: one mask a noise layer, already closed; all true gives the full network, computed by the very same code.
export function cut(network, keep) {
  const { wiring, parents, tensors, image, pixels } = network;
  const theta = (noise) => tensors[`${noise}.theta`].values;
  if (Object.values(keep).some((mask) => !mask.some(Boolean))) return constant(network, keep);
  const scale = pixels ? Float32Array.from(theta(pixels), (value, unit) => (keep[pixels][unit] ? value : 0)) : null;
  const made = new Set(wiring.map(({ makes }) => makes));
  const layers = wiring.map(({ name, kind, reads, makes, kernel, positions, pool, padding }) => {
    const { shape: [outputs, inputs], values } = tensors[`${name}.weight`];
    const bias = tensors[`${name}.bias`].values;
    const last = reads.at(-1);
    const rows = makes ? places(keep[makes]) : Int32Array.from({ length: outputs }, (_, row) => row);
    const columns = last ? places(keep[last]) : Int32Array.from({ length: inputs }, (_, column) => column);
    const factor = new Float64Array(inputs).fill(1);
    for (const noise of reads) {
      const group = inputs / theta(noise).length;
      for (let column = 0; column < inputs; column += 1) factor[column] *= theta(noise)[Math.floor(column / group)];
    }
    const weight = new Float32Array(rows.length * columns.length * kernel);
    let at = 0;
    for (const row of rows) {
      for (const column of columns) {
        const from = (row * inputs + column) * kernel;
        for (let k = 0; k < kernel; k += 1) weight[at++] = values[from + k] * factor[column];
      }
    }
    const select = last && (parents[last] || !made.has(last)) ? selection(keep, last, parents[last]) : null;
    return {
      kind, makes, weight, select, inputs: columns.length, outputs: rows.length, positions, pool, padding, width: Math.round(Math.sqrt(kernel)),
      bias: Float32Array.from(rows, (row) => bias[row]),
    };
  });
  return { layers, side: image[1], scale, macs: layers.reduce((sum, layer) => sum + layer.weight.length * layer.positions, 0) };
}

// Where the kept units are among those that arrive: of a channel that is cut, no feature arrives. Null: all go on.
function selection(keep, noise, parent) {
  const group = parent ? keep[noise].length / keep[parent].length : 1;
  const arriving = parent ? keep[noise].filter((_, unit) => keep[parent][Math.floor(unit / group)]) : keep[noise];
  return arriving.every(Boolean) ? null : places(arriving);
}

// With nothing left in some layer the network answers the same whatever it sees: the masked one's output for a black image.
function constant(network, keep) {
  const tensors = { ...network.tensors };
  for (const [noise, mask] of Object.entries(keep)) {
    tensors[`${noise}.theta`] = { values: tensors[`${noise}.theta`].values.map((value, unit) => (mask[unit] ? value : 0)) };
  }
  const everything = Object.fromEntries(Object.entries(keep).map(([noise, mask]) => [noise, Array.from(mask, () => true)]));
  return { layers: [], macs: 0, logits: forward(cut({ ...network, tensors }, everything), new Float32Array(network.image[1] * network.image[2])).logits };
}

// Logits of an image [side x side] in [0, 1], the multiplications that they took, and what each layer made (before the noise).
export function forward(network, image) {
  if (network.logits) return { logits: network.logits, macs: 0, made: {} };
  let [x, side, macs] = [network.scale ? image.map((value, unit) => value * network.scale[unit]) : image, network.side, 0];
  const made = {};
  for (const layer of network.layers) {
    if (layer.select) x = Float32Array.from(layer.select, (unit) => x[unit]);
    if (layer.kind === "conv") {
      const stride = strideOf(side, layer);
      side = Math.floor((side + 2 * layer.padding - layer.width) / stride) + 1;
      x = convolve(x, layer, stride, side);
      macs += layer.weight.length * side ** 2;
      x = pool(x, side, layer.outputs, layer.pool);
      side = Math.floor(side / layer.pool);
    } else {
      x = dense(x, layer, layer.makes !== "");
      macs += layer.inputs * layer.outputs;
    }
    if (layer.makes) made[layer.makes] = x;
  }
  return { logits: x, macs, made };
}

function dense(x, { weight, bias, inputs, outputs }, relu) {
  const y = new Float32Array(outputs);
  for (let row = 0; row < outputs; row += 1) {
    let sum = bias[row];
    const from = row * inputs;
    for (let column = 0; column < inputs; column += 1) sum += weight[from + column] * x[column];
    y[row] = relu && sum < 0 ? 0 : sum;
  }
  return y;
}

// The step between places, which their number tells.
function strideOf(side, { padding, width, positions }) {
  return Math.max(1, Math.round((side + 2 * padding - width) / Math.max(1, Math.sqrt(positions) - 1)));
}

// The cross-correlation with square kernels: [inputs, side, side] -> [outputs, size, size].
function convolve(x, { weight, bias, inputs, outputs, width, padding }, stride, size) {
  const side = Math.round(Math.sqrt(x.length / inputs));
  const y = new Float32Array(outputs * size * size);
  for (let out = 0; out < outputs; out += 1) {
    const plane = y.subarray(out * size * size, (out + 1) * size * size).fill(bias[out]);
    for (let channel = 0; channel < inputs; channel += 1) {
      const kernel = (out * inputs + channel) * width * width;
      for (let k = 0; k < width * width; k += 1) {
        const w = weight[kernel + k];
        const [down, right] = [Math.floor(k / width) - padding, (k % width) - padding];
        const [first, last] = inside(right, stride, side, size);
        for (let row = 0; row < size; row += 1) {
          const line = row * stride + down;
          if (line < 0 || line >= side) continue;
          const from = (channel * side + line) * side + right;
          const to = row * size;
          for (let column = first; column <= last; column += 1) plane[to + column] += w * x[from + column * stride];
        }
      }
    }
  }
  return y;
}

// The first and the last place whose input is inside the map.
function inside(shift, stride, side, size) {
  return [Math.max(0, Math.ceil(-shift / stride)), Math.min(size - 1, Math.floor((side - 1 - shift) / stride))];
}

// ReLU and the maximum of each square of so many places.
function pool(x, size, channels, places) {
  const small = Math.floor(size / places);
  const y = new Float32Array(channels * small * small);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = 0; row < small * places; row += 1) {
      for (let column = 0; column < small * places; column += 1) {
        const to = (channel * small + Math.floor(row / places)) * small + Math.floor(column / places);
        const value = x[(channel * size + row) * size + column];
        if (value > y[to]) y[to] = value;
      }
    }
  }
  return y;
}

export function softmax(logits) {
  const highest = Math.max(...logits);
  const parts = Array.from(logits, (logit) => Math.exp(logit - highest));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}
