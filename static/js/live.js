/* Keeps a page as the server draws it: <main data-live="/live/…/" data-live-part="?part=panel">.
   What arrives is HTML; every element in it with data-live-fragment="name" takes the place of its namesake on the page.
   When the socket does not open, the same HTML is fetched every few seconds. */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
const POLL_MS = 8000;

export function place(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-live-fragment]")) {
    const old = document.querySelector(`[data-live-fragment="${CSS.escape(part.dataset.liveFragment)}"]`);
    if (!old) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const grow = before(old);
    const node = document.importNode(part, true);
    const heir = focused && twin(focused, old, node);
    old.replaceWith(node);
    after(node, grow);
    heir?.focus({ preventScroll: true });
    if (node.dataset.liveWord) speak(node.dataset.liveWord);
  }
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    if (!document.querySelector(`[data-dialog="${CSS.escape(dialog.id)}"]`)) dialog.close();
  }
  tick();
}

/* Whoever stands on something with the keyboard goes on standing on it: on what has its id, or leads to the same as it did. */
function twin(one, old, fresh) {
  if (one.id) return fresh.querySelector(`#${CSS.escape(one.id)}`);
  const address = (node) => ["href", "name", "aria-label"].map((kind) => node.getAttribute(kind)).join(" ") + (node.form?.getAttribute("action") ?? "");
  const alike = (part) => [...part.querySelectorAll(one.localName)].filter((node) => address(node) === address(one));
  return alike(fresh)[alike(old).indexOf(one)];
}

/* A ring that grows must not jump: the new one begins where the old one stood. */
function before(node) {
  const values = new Map();
  for (const item of node.querySelectorAll("[data-live-grow]")) {
    values.set(item.id, item.getAttribute(item.dataset.liveGrow));
  }
  return values;
}

function after(node, values) {
  for (const item of node.querySelectorAll("[data-live-grow]")) {
    const name = item.dataset.liveGrow;
    const old = values.get(item.id);
    const now = item.getAttribute(name);
    if (old && old !== now) {
      item.setAttribute(name, old);
      requestAnimationFrame(() => requestAnimationFrame(() => item.setAttribute(name, now)));
    }
  }
}

function speak(word) {
  const place = document.querySelector("[role=status][data-live-word]");
  if (place && place.textContent !== word) place.textContent = word;
}

let counting = 0;

function tick() {
  clearInterval(counting);
  const clock = document.querySelector("[data-countdown]");
  if (!clock) return;
  const ends = Date.now() + Number(clock.dataset.countdown) * 1000;
  const bar = document.querySelector("[data-countdown-bar]");
  counting = setInterval(() => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (bar) bar.value = left;
    if (left === 0) clearInterval(counting);
  }, 1000);
}

export class Live {
  constructor(path, { onMessage, onOpen, partUrl } = {}) {
    this.address = new URL(path, location.href);
    this.address.searchParams.set("lang", document.documentElement.lang);
    this.address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.onMessage = onMessage;
    this.onOpen = onOpen;
    this.partUrl = partUrl;
    this.wait = FIRST_WAIT_MS;
    this.opened = false;
    this.over = false;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.socket?.readyState !== WebSocket.OPEN) this.open();
    });
    this.open();
  }

  open() {
    if (this.over || this.socket?.readyState === WebSocket.CONNECTING || this.socket?.readyState === WebSocket.OPEN) return;
    clearTimeout(this.retry);
    this.socket = new WebSocket(this.address);
    this.socket.addEventListener("open", () => {
      this.opened = true;
      this.wait = FIRST_WAIT_MS;
      this.onOpen?.();
      clearInterval(this.polling);
      this.polling = 0;
    });
    this.socket.addEventListener("message", (event) => this.onMessage?.(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this.closed(event));
  }

  closed(event) {
    if (event.code === 4403 || event.code === 4401) {
      location.reload();
      return;
    }
    if (this.over || event.code === 1000) return;
    this.poll();
    this.retry = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 2);
  }

  poll() {
    if (this.polling || !this.partUrl) return;
    this.polling = setInterval(() => this.fetch(), POLL_MS);
  }

  async fetch() {
    if (document.hidden) return;
    try {
      const answer = await fetch(this.partUrl, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) this.onMessage?.({ html: await answer.text() });
    } catch {
      /* offline: the next round tries again */
    }
  }

  end() {
    this.over = true;
    clearInterval(this.polling);
    clearTimeout(this.retry);
    this.socket?.close(1000);
  }
}

const page = document.querySelector("[data-live]");
if (page) {
  const live = new Live(page.dataset.live, {
    partUrl: page.dataset.livePart && new URL(page.dataset.livePart, location.href),
    onMessage(message) {
      if (message.html) place(message.html);
      document.dispatchEvent(new CustomEvent("live", { detail: message }));
      if (document.querySelector("[data-live-over]")) live.end();
    },
  });
  tick();
}
