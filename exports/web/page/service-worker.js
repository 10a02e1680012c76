/** Keeps the page on the device, so that it works without a network. VERSION and FILES stand above, put there in making. */

const OURS = `page-${registration.scope}-`;  // other pages may lie beside this one
const CACHE = OURS + VERSION;

addEventListener('install', (event) => {
  // Asked for anew, because a host may let browsers keep files of the page that was there before.
  const requests = FILES.map((name) => new Request(name, {cache: 'no-cache'}));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)).then(() => skipWaiting()));
});

addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
    }
    await clients.claim();
  })());
});

addEventListener('fetch', (event) => {
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(event.request, {ignoreSearch: true}) ?? await fetch(event.request);
    // Some hosts lead from card.html to card, and browsers open no page that a service worker was led to.
    return kept.redirected ? new Response(kept.body, kept) : kept;
  })());
});
