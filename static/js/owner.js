/* Keeps an owner's page true: <main data-watch="/live/charge-points/…/"> asks for the page again whenever the charger has news,
   and puts its data-live-fragment parts in place. data-watch-every="15" asks every so many seconds as well, or instead. */
import { Live, place } from "./live.js";

const REST_MS = 700;
let asked = 0;
let running = false;

async function look() {
  if (running || document.hidden || document.querySelector("[data-live-fragment] details[open], dialog[open]")) return;
  running = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store", headers: { "X-Look": "again" } });
    if (answer.ok && !answer.redirected) place(await answer.text());
  } catch {
    /* offline: the next news asks again */
  } finally {
    running = false;
  }
}

function soon() {
  clearTimeout(asked);
  asked = setTimeout(look, REST_MS);
}

const page = document.querySelector("[data-watch], [data-watch-every]");
if (page?.dataset.watch) {
  new Live(page.dataset.watch, { onMessage: soon, onOpen: soon, partUrl: location.href });
}
if (page?.dataset.watchEvery) {
  setInterval(look, Number(page.dataset.watchEvery) * 1000);
}

/* The steps of the chosen make, where all of them stand on the page. */
for (const chooser of document.querySelectorAll("[data-choose]")) {
  const show = () => {
    const chosen = chooser.querySelector("input:checked")?.value;
    for (const part of document.querySelectorAll("[data-chosen]")) part.hidden = part.dataset.chosen !== chosen;
  };
  chooser.addEventListener("change", show);
  show();
}

/* Fields that only matter while another is empty: the parts of a new price. */
for (const part of document.querySelectorAll("[data-shown-without]")) {
  const field = document.getElementById(part.dataset.shownWithout);
  const show = () => {
    part.hidden = Boolean(field?.value);
  };
  field?.addEventListener("change", show);
  show();
}

/* A row of tabs that does not fit begins where one is. */
for (const here of document.querySelectorAll(".tabs [aria-current], .side-bar [aria-current]")) {
  const row = here.parentElement;
  row.scrollLeft += here.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - here.offsetWidth) / 2;
}
