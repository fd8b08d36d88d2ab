// Keeps the whole site for when there is no network. With one, the network answers, so that nobody
// reads what is old. Each file is kept under the hash of its content: of a new version of the site
// only what has changed is fetched.

const FILES = {}; // the hash of each, by address
const BASE = "/"; // where the page of dead addresses believes the site to be

const ROOT = registration.scope;
const key = (path) => `${ROOT}${path}?${FILES[path]}`;

// The worker of the next version comes on top of what this one keeps.
const keep = async () => {
  const cache = await caches.open(ROOT);
  const kept = new Set((await cache.keys()).map(({ url }) => url));
  const missing = Object.keys(FILES).filter((path) => !kept.has(key(path)));
  const fetchNext = async () => {
    for (let path; (path = missing.shift()) !== undefined; ) {
      const response = await fetch(ROOT + path, { cache: "no-cache", priority: "low" });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      await cache.put(key(path), response);
    }
  };
  await Promise.all([fetchNext(), fetchNext(), fetchNext()]);
  await skipWaiting();
};
addEventListener("install", (event) => event.waitUntil(keep()));

const forget = async () => {
  const cache = await caches.open(ROOT);
  const current = new Set(Object.keys(FILES).map(key));
  for (const request of await cache.keys())
    if (!current.has(request.url)) await cache.delete(request);
  await clients.claim();
};
addEventListener("activate", (event) => event.waitUntil(forget()));

const find = async (path) => (path in FILES ? (await caches.open(ROOT)).match(key(path)) : undefined);
const findPage = async (path) => {
  if (`${path}/` in FILES) return Response.redirect(`${ROOT}${path}/`);
  const response = await find("404.html");
  const text = (await response.text()).replaceAll(
    new RegExp(`((?:href|src)=|"base": )"${BASE}`, "g"), `$1"${new URL(ROOT).pathname}`);
  return new Response(text, { status: 404, headers: { "Content-Type": "text/html" } });
};
const late = async (path) => {
  await new Promise((resolve) => setTimeout(resolve, 4000));
  return find(path);
};
const answer = async (request) => {
  const [address] = request.url.slice(ROOT.length).split(/[?#]/);
  const path = address.replace(/(^|\/)index\.html$/, "$1");
  const network = fetch(request);
  try {
    // A page that does not begin to arrive is shown as it was kept.
    const first = request.mode === "navigate" ? [network, late(path)] : [network];
    return (await Promise.race(first)) ?? (await network);
  } catch (error) {
    const response = await find(path);
    if (response) return response;
    if (request.mode === "navigate") return findPage(path);
    throw error;
  }
};
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(ROOT)) event.respondWith(answer(request));
});
