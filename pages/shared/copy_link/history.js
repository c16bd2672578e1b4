// Streamlit adds an entry to the browser's history for every value that a page writes into its address, so Back would go
// through all epochs that one stepped over. Here a new address of the same page replaces the entry; another page adds one.
export function keepHistoryShort(history) {
  if (Object.hasOwn(history, "pushState")) return;
  const push = history.pushState;
  history.pushState = function (state, unused, url) {
    const same = new URL(url ?? "", location.href).pathname === location.pathname;
    (same ? history.replaceState : push).call(history, state, unused, url);
  };
}
