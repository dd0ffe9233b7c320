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

/* A deed asked twice is asked once: the button of a form that is being sent waits. */
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method === "dialog") return;
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

/* Without a network the page says of what time it is; live.js moves the time on with every message. */
let fresh = new Date();
document.addEventListener("live", () => (fresh = new Date()));

function showNetwork() {
  const bar = document.querySelector("[data-offline]");
  if (!bar) return;
  const time = fresh.toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
  bar.querySelector("[data-offline-words]").textContent = bar.dataset.offline.replace("{time}", time);
  bar.hidden = navigator.onLine;
}
window.addEventListener("offline", showNetwork);
window.addEventListener("online", showNetwork);

/* The worker keeps the look on the device. On plain http, where one develops, it would only show yesterday's. */
if (location.protocol === "https:") navigator.serviceWorker?.register("/sw.js");

dismissToasts();
