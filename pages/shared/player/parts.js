// Keeps a part of a film for the player beside it. A live run's film grows by its last parts, and those before them are
// not sent again: Streamlit sends a message that the browser has as its hash alone.

export default function ({ data, parentElement }) {
  const parts = (globalThis.sbpFilmParts ??= new Map()); // by the element that brought it
  parts.set(parentElement, { ...data, lists: data.lists && JSON.parse(data.lists) });
  globalThis.dispatchEvent(new Event("sbp-film"));
  return () => parts.delete(parentElement);
}
