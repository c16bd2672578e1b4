// Takes what is large and seldom changes (weights, film, class means) once and keeps it for the pictures beside it,
// which are sent again with every digit. Both are scripts of one page.

export default function ({ data }) {
  const store = (globalThis.sbpPixelWeights ??= { bytes: null, changed: null });
  if (!data || data === store.bytes) return;
  store.bytes = data;
  store.changed?.();
}
