/* Pushes in this browser: says whether it can take them, and hands its address in with an ordinary form. */

const box = document.querySelector("[data-push]");
const form = box.querySelector("[data-push-on]");

function show(state) {
  for (const part of box.querySelectorAll("[data-push-state]")) {
    part.hidden = !part.dataset.pushState.split(" ").includes(state);
  }
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function isSupported() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/* An iPhone takes pushes for what stands on its home screen, and for nothing else. */
function mustBeInstalled() {
  return /iPhone|iPad/.test(navigator.userAgent) && !window.matchMedia("(display-mode: standalone)").matches;
}

async function subscription() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return registration?.pushManager.getSubscription();
}

/* The browser's address for the key of this site; one that was given for another key is given back. */
async function subscribe() {
  await navigator.serviceWorker.register("/sw.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  const key = bytes(box.dataset.push);
  const old = await pushManager.getSubscription();
  if (old) {
    const its = new Uint8Array(old.options.applicationServerKey ?? []);
    if (its.length === key.length && its.every((byte, place) => byte === key[place])) return old;
    await old.unsubscribe();
  }
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

async function turnOn(event) {
  event.preventDefault();
  const permission = await Notification.requestPermission();
  if (permission !== "granted") {
    show(permission === "denied" ? "denied" : "off");
    return;
  }
  try {
    const { endpoint, keys } = (await subscribe()).toJSON();
    form.elements.endpoint.value = endpoint;
    form.elements.p256dh.value = keys.p256dh;
    form.elements.auth.value = keys.auth;
  } catch (error) {
    console.warn(error);
    show("failed");
    return;
  }
  form.submit();
}

async function turnOff(event) {
  event.preventDefault();
  const its = event.target;
  await subscription()
    .then((kept) => kept?.unsubscribe())
    .catch(() => undefined); // what counts is that we send nothing there any more
  its.submit();
}

async function look() {
  if (!isSupported()) {
    show(mustBeInstalled() ? "install" : "unsupported");
    return;
  }
  if (Notification.permission === "denied") {
    show("denied");
    return;
  }
  const kept = Notification.permission === "granted" && (await subscription().catch(() => undefined));
  show(kept && "pushKnown" in box.dataset ? "on" : "off");
}

form.addEventListener("submit", turnOn);
document.querySelector("[data-push-off]")?.addEventListener("submit", turnOff);
look();
