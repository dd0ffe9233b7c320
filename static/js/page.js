/* What every page does beside being read: toasts go away, menus close, copy buttons copy, dialogs open. */

const TOAST_MS = 6000;

export function dismissToasts(root = document) {
  for (const toast of root.querySelectorAll("[data-toast]")) {
    const close = toast.querySelector("[data-toast-close]");
    if (close) {
      close.hidden = false;
      close.addEventListener("click", () => toast.remove());
    }
    if (!toast.classList.contains("toast--error")) {
      setTimeout(() => toast.remove(), TOAST_MS);
    }
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

async function copy(button) {
  const target = document.getElementById(button.dataset.copy);
  const text = target ? target.textContent.trim() : button.dataset.copyText;
  await navigator.clipboard.writeText(text);
  button.classList.add("is-copied");
  const label = button.dataset.copied;
  if (label) button.setAttribute("aria-label", label);
}

/* A link to share: by the phone's own sheet where there is one, else into the clipboard. Without a script it just opens. */
async function share(event, link) {
  event.preventDefault();
  if (navigator.share) {
    await navigator.share({ title: link.dataset.share, url: link.href }).catch(() => {}); // closed again: nothing happened
    return;
  }
  await navigator.clipboard.writeText(link.href);
  const word = link.querySelector("[data-share-word]");
  if (word) word.textContent = link.dataset.copied;
}

function openDialog(event, opener) {
  const dialog = document.getElementById(opener.dataset.dialog);
  if (!dialog || !dialog.showModal) return;
  event.preventDefault();
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest?.(selector);
  const menu = on("details[data-menu]");
  closeMenus(menu);
  const copying = on("[data-copy], [data-copy-text]");
  if (copying) copy(copying);
  const shared = on("[data-share]");
  if (shared) share(event, shared);
  const opener = on("[data-dialog]");
  if (opener) openDialog(event, opener);
  const closer = on("[data-dialog-close]");
  if (closer) closer.closest("dialog")?.close();
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(null);
});

/* A deed asked twice is asked once: the button of a form that is being sent waits. Without a network it is not sent at all. */
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method === "dialog") return;
  if (event.target.hasAttribute("data-forget")) forget();
  if (event.target.method === "post" && (!navigator.onLine || keptAt)) {
    event.preventDefault();
    toast(bar?.dataset[event.target.hasAttribute("data-forget") ? "forgotten" : "refused"]);
    return;
  }
  const button = event.submitter;
  if (button && event.target.method === "post") {
    setTimeout(() => {
      button.setAttribute("aria-disabled", "true");
      button.classList.add("button--busy");
    });
  }
  const dialog = event.target.closest("dialog[open]");
  if (dialog) setTimeout(() => dialog.close());
});

window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll(".button--busy[aria-disabled]")) {
    button.removeAttribute("aria-disabled");
    button.classList.remove("button--busy");
  }
});

for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

/* Without a network the page says of what time it is; live.js moves the time on with every message, the worker says of what time
   the copy is that it has shown instead. */
const bar = document.querySelector("[data-offline]");
const keptAt = Number(document.documentElement.dataset.keptAt ?? 0);
let fresh = new Date(keptAt || Date.now());
let silent = Boolean(keptAt);
document.addEventListener("live", () => (fresh = new Date()));

function showNetwork() {
  if (!bar) return;
  const isToday = fresh.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { day: "numeric", month: "numeric" };
  const time = fresh.toLocaleString(document.documentElement.lang, { ...day, hour: "numeric", minute: "2-digit" });
  const words = navigator.onLine ? bar.dataset.silent : bar.dataset.offline;
  bar.querySelector("[data-offline-words]").textContent = words.replace("{time}", time);
  bar.hidden = navigator.onLine && !silent;
}

function toast(text) {
  const place = document.querySelector("[data-toasts]");
  if (!place || !text) return;
  const box = document.createElement("div");
  const words = document.createElement("p");
  box.className = "toast";
  words.textContent = text;
  box.append(words);
  place.append(box);
  setTimeout(() => box.remove(), TOAST_MS);
}

window.addEventListener("offline", showNetwork);
let isLeaving = false; // to load this page again would take a person back who is on her way to another
if (keptAt) window.addEventListener("beforeunload", () => (isLeaving = true));
window.addEventListener("online", () => {
  if (keptAt && !isLeaving) location.reload(); // a copy is for the time without a network alone
  else showNetwork();
});
showNetwork();

/* The worker keeps the look and the pages one needs on the way; `forget` empties its pocket at once. */
const workers = window.isSecureContext ? navigator.serviceWorker : undefined;

const say = (...words) => workers?.ready.then(({ active }) => active?.postMessage(...words));

function forget() {
  workers?.controller?.postMessage({ kind: "forget" });
}

workers?.addEventListener("message", ({ data }) => {
  if (data?.kind !== "kept" && data?.kind !== "fresh") return;
  silent = data.kind === "kept";
  fresh = new Date(silent ? data.at : Date.now());
  showNetwork();
});
workers?.register("/sw.js").then(
  () => !keptAt && !navigator.connection?.saveData && say({ kind: "renew", language: document.documentElement.lang }),
  () => {}, // without a worker the site is as good as with one, as long as there is a network
);

/* A page that the browser had set aside whole comes back as it was, also to somebody else. */
window.addEventListener("pageshow", (event) => {
  if (!event.persisted || !workers?.controller) return;
  const channel = new MessageChannel();
  channel.port1.onmessage = ({ data: isHers }) => {
    if (isHers) return;
    document.body.hidden = true;
    location.reload();
  };
  say({ kind: "whose", whose: document.documentElement.dataset.whose }, [channel.port2]);
});

/* Among the apps of the phone: once offered, once declined, never asked again. */
const offer = document.querySelector("[data-install]");
const DECLINED = "install-declined";

function remembered(word) {
  try {
    return localStorage.getItem(word); // which throws where a browser was told to keep nothing
  } catch {
    return null;
  }
}

if (offer && !remembered(DECLINED) && !window.matchMedia("(display-mode: standalone)").matches && !navigator.standalone) {
  const show = (way) => {
    offer.hidden = false;
    offer.querySelector(`[data-install-${way}]`).hidden = false;
  };
  if (/iPhone|iPad|iPod/.test(navigator.userAgent)) show("ios");
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    show("button");
    offer.querySelector("[data-install-button]").onclick = () => {
      event.prompt();
      offer.hidden = true;
    };
  });
  offer.querySelector("[data-install-close]").addEventListener("click", () => {
    offer.hidden = true;
    localStorage.setItem(DECLINED, "yes");
  });
}

dismissToasts();
