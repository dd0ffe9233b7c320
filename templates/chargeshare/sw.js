{% load static %}// Keeps style, script and type on the device, so that a page opens at once and the network carries only what changes.
// Pages and the API are never kept: what stands on them is money and the state of chargers.
const SHELL = "chargeshare-{{ version|escapejs }}";
const STATIC = new URL("{% get_static_prefix as prefix %}{{ prefix|escapejs }}", self.location).pathname;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin || !url.pathname.startsWith(STATIC)) {
    return;
  }
  event.respondWith(fromShell(event));
});

// What is kept is shown at once and renewed behind it; without a network it is all there is.
async function fromShell(event) {
  const shell = await caches.open(SHELL);
  const kept = await shell.match(event.request);
  const fresh = fetch(event.request).then((response) => {
    if (response.ok && response.type === "basic") {
      shell.put(event.request, response.clone());
    }
    return response;
  });
  if (kept) {
    event.waitUntil(fresh.catch(() => undefined));
    return kept;
  }
  return fresh;
}

{% include "chargeshare/_sw_push.js" %}
