// What a person should know is shown also while no page is open; a click leads to the page that says more.
const NEWS = "{% url 'accounts:notifications' %}";

self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data?.json() ?? {};
  } catch {
    // A push must be shown whatever it says, or the browser shows a sentence of its own.
  }
  event.waitUntil(showNews(said));
});

/* It may have waited for the device while somebody else logged in there: she is told that there is news, and not whose. */
async function showNews(said) {
  const { owner, isKnown } = await recall();
  const isHers = !said.whose || !isKnown || said.whose === owner;
  const { title = "ChargeShare", body = "", url = "", tag = "news", lang = "" } = isHers ? said : {};
  await self.registration.showNotification(title, { body, tag, lang, data: { url: url || NEWS } });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data?.url ?? NEWS, self.location.origin);
  event.waitUntil(openNews(wanted.origin === self.location.origin ? wanted.href : new URL(NEWS, self.location.origin).href));
});

async function openNews(address) {
  const pages = await self.clients.matchAll({ type: "window" });
  const open = pages.find((page) => page.url === address);
  return open ? open.focus() : self.clients.openWindow(address);
}

// The browser has given the device a new address. Its old one, which only the two of us know, says whose it is.
self.addEventListener("pushsubscriptionchange", (event) => {
  if (event.oldSubscription) {
    event.waitUntil(renewAddress(event.oldSubscription, event.newSubscription));
  }
});

async function renewAddress(old, given) {
  const fresh = given ?? (await self.registration.pushManager.subscribe(old.options));
  const { endpoint, keys } = fresh.toJSON();
  const said = new URLSearchParams({ old_endpoint: old.endpoint, endpoint, p256dh: keys.p256dh, auth: keys.auth });
  await fetch("{% url 'accounts:device_renewed' %}", { method: "POST", body: said });
}
