/* The app on the phone. With a network every page comes from it; without one, or where it keeps silent, the copy in the pocket
   is shown with its time. Which answers are kept, for how long and for whom, the server says in the headers of each answer:
   this script knows no address by heart. What is kept belongs to one person; an answer for somebody else, or a log-out,
   throws it away. Nothing that is sent waits here: a deed without a network is refused in one sentence. */
const SAID = {{ said|safe }};

const LOOK = `chargeshare-look-${SAID.version}`; // style, script, type, and the pages that say one is offline
const POCKET = "chargeshare-pocket-"; // then whose, then the version whose look its pages wear
const NOTES = "chargeshare-notes";
const KEPT_AT = "Offline-Kept-At";
const UNTIL = "Offline-Until";
const MOST_KEPT = 80;
const RENEWED_MS = 10 * 60 * 1000;
const SWEPT_MS = 60 * 1000;
const AWAY = [502, 503, 504]; // somebody before the server says that it is away

/* ---- notes: whose the pocket is, when it was filled, in which language one reads */

let notes = null;
let era = 0; // grows whenever the person changes: what was asked for before is nobody's any more
let swept = 0;
let turn = Promise.resolve();
const stale = new Set(); // pages that show something out of the pocket

/* One after the other: nothing is put into a pocket while it is being emptied. */
function inTurn(deed) {
  const done = turn.then(deed);
  turn = done.catch(() => undefined);
  return done;
}

async function recall() {
  if (!notes) {
    const found = await (await caches.open(NOTES)).match("/");
    notes = found ? await found.json() : { owner: SAID.nobody, renewed: 0, language: SAID.languages[0] };
  }
  return notes;
}

async function note(news) {
  notes = { ...(await recall()), ...news };
  await (await caches.open(NOTES)).put("/", new Response(JSON.stringify(notes)));
}

const pocketOf = (owner) => `${POCKET}${owner}-${SAID.version}`;

async function emptyPockets() {
  for (const name of await caches.keys()) if (name.startsWith(POCKET)) await caches.delete(name);
  for (const shown of (await self.registration.getNotifications?.()) ?? []) shown.close();
}

/* Whom an answer was for. Somebody new: the pocket of the former is emptied before anything else happens. */
function greet(answer, asked) {
  const owner = answer.headers.get(SAID.owner);
  return inTurn(async () => {
    if (!owner || asked !== era) return null;
    if ((await recall()).owner !== owner) {
      era += 1;
      await emptyPockets();
      await note({ owner, isKnown: true, renewed: 0 });
    }
    return { owner, era };
  });
}

function forget() {
  return inTurn(async () => {
    era += 1;
    await emptyPockets();
    await note({ owner: SAID.nobody, isKnown: true, renewed: 0 });
  });
}

/* ---- the pocket */

/* Where the map stands does not matter: of all its answers the last one is kept. */
function keyOf(address) {
  const url = new URL(address, self.location);
  for (const name of SAID.moving) url.searchParams.delete(name);
  url.hash = "";
  return url.href;
}

async function keep(address, answer, person) {
  const seconds = Number(answer.headers.get(SAID.keep));
  const headers = new Headers(answer.headers);
  for (const name of ["Content-Encoding", "Content-Length", SAID.keep]) headers.delete(name);
  const body = await answer.text();
  headers.set(KEPT_AT, String(Date.now()));
  headers.set(UNTIL, String(Date.now() + seconds * 1000));
  await inTurn(async () => {
    if (person.era !== era) return;
    const pocket = await caches.open(pocketOf(person.owner));
    await pocket.put(keyOf(address), new Response(body, { headers }));
    await thin(pocket);
  });
  await dress(body);
}

async function thin(pocket) {
  const keys = await pocket.keys();
  if (keys.length <= MOST_KEPT) return;
  const copies = await Promise.all(keys.map((key) => pocket.match(key, { ignoreVary: true })));
  const ages = copies.map((copy) => Number(copy?.headers.get(KEPT_AT)));
  await pocket.delete(keys[ages.indexOf(Math.min(...ages))]);
}

function drop(address, person) {
  return inTurn(async () => {
    if (person.era !== era) return;
    for (const name of await caches.keys()) if (name.startsWith(POCKET)) await (await caches.open(name)).delete(keyOf(address));
  });
}

/* Of the clock of the device as it is now: one that was set back makes nothing last longer than it would have lasted then. */
function isOver(copy) {
  const now = Date.now();
  return now >= Number(copy.headers.get(UNTIL)) || now < Number(copy.headers.get(KEPT_AT)) - 86400000;
}

async function find(address) {
  await turn;
  const { owner } = await recall();
  const names = (await caches.keys()).filter((name) => name.startsWith(`${POCKET}${owner}-`));
  names.sort((one) => (one === pocketOf(owner) ? -1 : 1));
  for (const name of names) {
    const pocket = await caches.open(name);
    const copy = await pocket.match(keyOf(address), { ignoreVary: true });
    if (copy && !isOver(copy)) return copy;
    if (copy) await pocket.delete(keyOf(address));
  }
  return null;
}

/* What is over goes away by itself: a gate code does not lie about after the visit. */
async function sweep() {
  if (Date.now() - swept < SWEPT_MS) return;
  swept = Date.now();
  for (const name of await caches.keys()) {
    if (!name.startsWith(POCKET)) continue;
    const pocket = await caches.open(name);
    for (const request of await pocket.keys()) {
      const copy = await pocket.match(request, { ignoreVary: true });
      if (copy && isOver(copy)) await pocket.delete(request);
    }
  }
}

/* ---- filling it */

async function fetchEdition(address, asked) {
  const answer = await fetch(address, { headers: { [SAID.edition]: "1" }, cache: "no-store", credentials: "same-origin" });
  const person = await greet(answer, asked);
  if (!person) return;
  if (answer.ok && !answer.redirected && answer.headers.has(SAID.keep)) await keep(address, answer, person);
  else if (answer.status < 500) await drop(address, person);
}

/* The server names what one should have in the pocket; each of those pages says itself whether it may be kept. */
async function renew(language) {
  const isDue = await inTurn(async () => {
    const known = await recall();
    const isOther = SAID.languages.includes(language) && language !== known.language;
    if (!isOther && known.version === SAID.version && Math.abs(Date.now() - known.renewed) < RENEWED_MS) return false;
    await note({ language: isOther ? language : known.language, renewed: Date.now(), version: SAID.version });
    return true;
  });
  if (!isDue) return;
  const before = era;
  try {
    const answer = await fetch(SAID.pages, { cache: "no-store", credentials: "same-origin" });
    const person = answer.ok ? await greet(answer, before) : null;
    if (!person) throw new TypeError("nobody answers");
    await inTurn(() => person.era === era && note({ renewed: Date.now() })); // else the next person's pocket would pass for full
    for (const address of (await answer.json()).pages) await fetchEdition(address, person.era);
    await tidy();
  } catch {
    await inTurn(() => note({ renewed: 0 })); // the next page tries again
  }
}

/* Another version of the site has another look: the old one goes once all is there in the new one. */
async function tidy() {
  for (const name of await caches.keys()) {
    const isNew = name === LOOK || name === NOTES || (name.startsWith(POCKET) && name.endsWith(`-${SAID.version}`));
    if (name.startsWith("chargeshare-") && !isNew) await caches.delete(name);
  }
}

/* ---- style, script and type */

/* What a kept page wears is kept too, also what its scripts import. */
async function dress(html) {
  const look = await caches.open(LOOK);
  const named = new Set(html.match(/\/[\w/.-]+\.(?:css|js|woff2)(?=["'])/g));
  for (const address of named) {
    if (!address.startsWith(SAID.static) || (await look.match(address))) continue;
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) continue;
    await look.put(address, answer.clone());
    if (!address.endsWith(".js")) continue;
    for (const [, imported] of (await answer.text()).matchAll(/from ["'](\.\/[\w.-]+\.js)["']/g)) {
      named.add(new URL(imported, new URL(address, self.location)).pathname);
    }
  }
}

async function prepare() {
  const look = await caches.open(LOOK);
  for (const language of SAID.languages) {
    for (const [key, rest] of [[waiting(language), ""], [waiting(language, true), "&sent=1"]]) {
      const answer = await fetch(`${SAID.offline}?lang=${language}${rest}`, { credentials: "omit", cache: "no-store", headers: { [SAID.edition]: "1" } });
      if (!answer.ok) continue;
      await look.put(key, answer.clone());
      await dress(await answer.text());
    }
  }
}

const waiting = (language, wasSent = false) => `${SAID.offline}${wasSent ? "sent/" : ""}${language}`;

async function wornLook(request) {
  const look = await caches.open(LOOK);
  const worn = await look.match(request, { ignoreVary: true });
  if (worn?.headers.get("Cache-Control")?.includes("immutable")) return worn; // its name changes with it
  try {
    const answer = await fetch(request);
    if (answer.ok && answer.type === "basic") await look.put(request, answer.clone());
    return answer;
  } catch (away) {
    const old = worn ?? (await caches.match(request, { ignoreVary: true }));
    if (old) return old;
    throw away;
  }
}

/* ---- what is asked for */

const late = () => new Promise((resolve) => setTimeout(resolve, SAID.patienceMs));

async function page(event) {
  const { request } = event;
  const fresh = fresher(event, era);
  const first = await Promise.race([fresh.catch(() => null), late()]);
  if (first && !AWAY.includes(first.status)) return first;
  const copy = await find(request.url);
  if (copy) return shown(copy);
  if (first) return first;
  return fresh.catch(() => offlinePage());
}

function fresher(event, asked) {
  const { request } = event;
  const fresh = fetch(request).then(async (answer) => ({ answer, person: await greet(answer, asked) }));
  event.waitUntil(
    fresh
      .then(async ({ answer, person }) => {
        if (!person) return;
        if (answer.ok && answer.headers.has(SAID.keep)) await fetchEdition(request.url, person.era);
        else if (answer.status < 500) await drop(request.url, person);
      })
      .catch(() => undefined)
      .then(sweep),
  );
  return fresh.then(({ answer }) => answer);
}

/* The page knows from when it is: the bar on top says so. */
async function shown(copy) {
  const html = (await copy.text()).replace("<html ", `<html data-kept-at="${copy.headers.get(KEPT_AT)}" `);
  return new Response(html, { headers: copy.headers });
}

async function offlinePage(wasSent = false) {
  const { language } = await recall();
  const key = waiting(language, wasSent);
  return (await (await caches.open(LOOK)).match(key)) ?? (await caches.match(key)) ?? Response.error();
}

/* A piece of a page, or what its script asks of the API. */
async function piece(event) {
  const { request, clientId } = event;
  const asked = era;
  const answer = await fetch(request).catch(() => null);
  if (answer && !AWAY.includes(answer.status)) {
    const person = await greet(answer, asked);
    if (person && answer.ok && answer.headers.has(SAID.keep)) {
      event.waitUntil(keep(request.url, answer.clone(), person));
      if (stale.delete(clientId)) await tell(clientId, { kind: "fresh" });
    }
    return answer;
  }
  const copy = request.signal.aborted ? null : await find(request.url);
  if (!copy) return answer ?? new Response(null, { status: 503 });
  stale.add(clientId);
  await tell(clientId, { kind: "kept", at: Number(copy.headers.get(KEPT_AT)) });
  return copy;
}

async function tell(clientId, news) {
  (await self.clients.get(clientId))?.postMessage(news);
}

/* A deed goes to the server or nowhere; what it changed is fetched anew with the next page. */
async function deed(request) {
  const asked = era;
  await inTurn(() => note({ renewed: 0 }));
  try {
    const answer = await fetch(request);
    await greet(answer, asked);
    return answer;
  } catch {
    return offlinePage(true);
  }
}

const isForm = (request) => (request.headers.get("Content-Type") ?? "").startsWith("application/x-www-form-urlencoded");

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.method === "POST" && request.mode === "navigate" && isForm(request)) event.respondWith(deed(request));
  if (request.method !== "GET") return;
  if (url.pathname.startsWith(SAID.static)) event.respondWith(wornLook(request));
  else if (request.mode === "navigate") event.respondWith(page(event));
  else if (request.destination === "" && request.credentials !== "omit") event.respondWith(piece(event));
});

self.addEventListener("message", (event) => {
  const { kind, language, whose } = event.data ?? {};
  if (kind === "renew") event.waitUntil(renew(language));
  if (kind === "forget") event.waitUntil(forget());
  if (kind === "whose") event.waitUntil(recall().then(({ owner }) => event.ports[0]?.postMessage(owner === whose)));
});

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(prepare().catch(() => undefined));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim().then(sweep));
});

{% include "chargeshare/_sw_push.js" %}
