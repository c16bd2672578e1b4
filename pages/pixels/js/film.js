// What the store holds, unpacked: the film of one layer, the networks, what is known of the images.
import { cut, readTensors } from "./net.js";

export function unpack(bytes) {
  const { meta, tensors } = readTensors(bytes);
  const told = (name) => (meta[name] ? JSON.parse(meta[name]) : null);
  const film = told("film");
  const rows = (name) => film.epochs.map((_, k) => tensors[name].values.subarray(k * film.layer.units, (k + 1) * film.layer.units));
  Object.assign(film, { levels: rows("film.levels"), theta: rows("film.theta"), keep: rows("film.keep") });
  const shared = { stamp: meta.stamp, film, scales: { light: tensors["scale.light"].values, dark: tensors["scale.dark"].values } };
  shared.lit = tensors.lit?.values ?? null;
  shared.means = tensors.means?.values ?? null;
  const network = told("network");
  if (network) {
    Object.assign(network, { tensors });
    const masks = (make) => Object.fromEntries(Object.keys(network.parents).map((noise) => [noise, make(tensors[`${noise}.keep`].values)]));
    shared.full = cut(network, masks((mask) => mask.map(() => 1)));
    shared.small = cut(network, masks((mask) => mask));
    const parent = film.layer.parent;
    shared.parentTheta = parent ? tensors[`${parent}.theta`].values : null;
  }
  return shared;
}

export const snrOf = (film, level) => 10 ** (film.low + (level / 255) * (film.high - film.low));
// The last frame that is not after an epoch; null means the newest.
export const frameOf = (film, epoch) => (epoch == null ? film.epochs.length - 1 : Math.max(0, film.epochs.findLastIndex((at) => at <= epoch)));
