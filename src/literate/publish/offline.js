// Has the site kept for when there is no network, unless the reader saves data.

const keep = () => {
  const worker = new URL("../../sw.js", import.meta.url);
  navigator.serviceWorker.register(worker).catch(() => {}); // Not kept: the site works all the same.
};
if (navigator.serviceWorker && !navigator.connection?.saveData)
  (window.requestIdleCallback ?? setTimeout)(keep);
