/* The map page: pins with price and state, clusters, filters kept in the address, the list and the detail beside it.
   Every piece of HTML comes from the server (the list, the detail, the shapes of the pins); here they are only put in place. */
import { Live } from "./live.js";
import { sketch } from "./sketch.js";

const L = window.L;
const page = document.querySelector("[data-map-page]");
const config = JSON.parse(document.getElementById("map-config").textContent);
const form = page.querySelector("[data-map-filters]");
const list = page.querySelector("[data-map-list]");
const sheet = page.querySelector("[data-sheet]");
const detail = page.querySelector("[data-map-detail]");
const panel = page.querySelector("[data-map-panel]");
const language = document.documentElement.lang;
const isPhone = window.matchMedia("(max-width: 719.98px)");
const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
const SHAPES = { free: "free", busy: "busy", booked: "booked", offline: "offline", fault: "fault", paused: "paused" };
const CONSENT = "map-tiles";
const VIEW = "map-view";

let selected = page.dataset.selected || "";
let here = null;
let asking = null;
let listing = null;
let waiting = 0;
let fitting = false;
let sent = false; // what is being typed is searched here alone; what was sent off may be an address that another server knows
let quiet = false;
let lifted = null;
const pins = new Map();

/* ---- the map itself */

function remembered() {
  try {
    const view = JSON.parse(sessionStorage.getItem(VIEW));
    return view && view.length === 3 ? view : null;
  } catch {
    return null;
  }
}

const around = (new URLSearchParams(location.search).get("near") ?? "").split(",").map(Number);
const view = around.length === 2 && around.every(Number.isFinite) ? [...around, 12] : remembered();
const map = L.map("map", {
  center: view ? view.slice(0, 2) : config.centre,
  zoom: view ? view[2] : config.zoom,
  minZoom: config.minZoom,
  maxZoom: config.maxZoom,
  zoomControl: false,
  attributionControl: false,
  worldCopyJump: true,
  zoomAnimation: !reduced.matches,
  fadeAnimation: false,
  markerZoomAnimation: !reduced.matches,
});
L.control.attribution({ position: "bottomright", prefix: false }).addTo(map);

const ground = sketch(L, { worldUrl: config.worldUrl, townUrl: config.townUrl, attribution: config.words.sketch }).addTo(map);
let tiles = null;

function showTiles() {
  const [source] = config.tiles;
  tiles = L.tileLayer(source.url, { attribution: source.attribution, maxZoom: config.maxZoom }).addTo(map);
  map.removeLayer(ground);
}

function askForTiles() {
  const box = page.querySelector("[data-tiles-consent]");
  if (!box) return;
  const said = localStorage.getItem(CONSENT);
  if (said === "yes") showTiles();
  if (said) return;
  box.hidden = false;
  box.addEventListener("click", (event) => {
    const answer = event.target.closest("[data-tiles]")?.dataset.tiles;
    if (!answer) return;
    localStorage.setItem(CONSENT, answer);
    box.hidden = true;
    if (answer === "yes") showTiles();
  });
}

/* ---- buttons on the map */

const locate = L.control
  .locate({
    position: "bottomright",
    drawCircle: true,
    showPopup: false,
    flyTo: !reduced.matches,
    keepCurrentZoomLevel: false,
    initialZoomLevel: 15,
    setView: "once",
    locateOptions: { enableHighAccuracy: true, maximumAge: 60000, timeout: 10000 },
    onLocationError: () => notice(config.words.noPlace),
  })
  .addTo(map);

map.on("locationfound", (event) => {
  const first = !here;
  here = event.latlng;
  if (first) refresh();
});

function notice(text) {
  const place = document.querySelector("[data-toasts]");
  const toast = document.createElement("div");
  toast.className = "toast";
  const words = document.createElement("p");
  words.textContent = text;
  toast.append(words);
  place.append(toast);
  setTimeout(() => toast.remove(), 6000);
}

const Tools = L.Control.extend({
  onAdd() {
    const box = L.DomUtil.create("div", "map-tools");
    const button = (icon, label, classes, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = classes;
      made.setAttribute("aria-label", label);
      made.append(document.getElementById(icon).content.cloneNode(true));
      made.addEventListener("click", act);
      box.append(made);
      return made;
    };
    button("icon-plus", config.words.zoomIn, "map-tools__zoom", () => map.zoomIn());
    button("icon-minus", config.words.zoomOut, "map-tools__zoom", () => map.zoomOut());
    const find = button("icon-locate", config.words.locate, "", () => {
      locate.start();
      if (here) map.setView(here, Math.max(15, map.getZoom()));
    });
    map.on("locateactivate", () => find.classList.add("is-on"));
    map.on("locatedeactivate", () => find.classList.remove("is-on"));
    L.DomEvent.disableClickPropagation(box);
    return box;
  },
});
new Tools({ position: "bottomright" }).addTo(map);

/* ---- pins */

const twoPlaces = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 4 });

function pinFor(properties) {
  const state = SHAPES[properties.state] ?? "offline";
  const node = document.getElementById(`pin-${state}`).content.firstElementChild.cloneNode(true);
  const price = node.querySelector(".pin__price");
  if (price && properties.price_per_kwh !== null) price.textContent = twoPlaces.format(Number(properties.price_per_kwh));
  else price?.remove();
  return L.divIcon({ html: node, className: "pin-holder", iconSize: null });
}

function spoken(properties) {
  const price = properties.price_per_kwh === null ? "" : `, ${twoPlaces.format(Number(properties.price_per_kwh))}\u00a0${config.currencies[properties.currency] ?? properties.currency}/kWh`;
  return `${properties.name}, ${properties.state_label}${price}`;
}

function dress(marker) {
  const element = marker.getElement();
  if (!element) return;
  element.setAttribute("role", "button");
  if (marker.options.spoken) element.setAttribute("aria-label", marker.options.spoken); // a crowd says its own words
  element.classList.toggle("is-selected", marker.options.code === selected && Boolean(selected));
}

function clusterIcon(total, free, shares) {
  const node = document.getElementById("pin-cluster").content.firstElementChild.cloneNode(true);
  const count = node.querySelector(".cluster-pin__count");
  const tab = node.querySelector(".cluster-pin__free");
  count.textContent = total;
  count.before(unseen(wordsAround(config.words.places, total)[0]));
  count.after(unseen(`${wordsAround(config.words.places, total)[1]}, `));
  const [before, after] = wordsAround(config.words.free, free);
  tab.querySelector("b").textContent = free;
  tab.prepend(unseen(before));
  tab.append(unseen(after));
  tab.classList.toggle("visually-hidden", !free);
  let from = 0;
  for (const state of ["free", "busy", "booked", "offline"]) {
    const share = (100 * (shares[state] ?? 0)) / total;
    const arc = node.querySelector(`.cluster-pin__arc--${state}`);
    if (!share) {
      arc.remove();
      continue;
    }
    const gap = share < 100 ? 1.6 : 0;
    arc.setAttribute("stroke-dasharray", `${Math.max(0.5, share - gap)} 100`);
    arc.setAttribute("stroke-dashoffset", String(-from));
    from += share;
  }
  return L.divIcon({ html: node, className: "pin-holder", iconSize: null });
}

const plural = new Intl.PluralRules(document.documentElement.lang);
/* The sentence that is a crowd's name goes around the two figures one sees: they are said in it as they stand. */
const wordsAround = (forms, count) => (forms[plural.select(count)] ?? forms.other).split("{count}");

function unseen(words) {
  const node = document.createElement("span");
  node.className = "visually-hidden";
  node.textContent = words;
  return node;
}

const crowd = L.markerClusterGroup({
  maxClusterRadius: 46,
  showCoverageOnHover: false,
  spiderfyOnMaxZoom: true,
  animate: !reduced.matches,
  chunkedLoading: true,
  iconCreateFunction(cluster) {
    const shares = {};
    for (const marker of cluster.getAllChildMarkers()) {
      const state = ["fault", "paused"].includes(marker.options.state) ? "offline" : marker.options.state;
      shares[state] = (shares[state] ?? 0) + 1;
    }
    const total = cluster.getChildCount();
    return clusterIcon(total, shares.free ?? 0, shares);
  },
}).addTo(map);
const wide = L.layerGroup().addTo(map);

crowd.on("layeradd animationend clusterclick", () => dressAll());
map.on("zoomend moveend", () => setTimeout(dressAll, 260));

function dressAll() {
  crowd._featureGroup.eachLayer(dress);
  wide.eachLayer(dress);
  if (lifted) dress(lifted);
}

function marker(feature) {
  const [lon, lat] = feature.geometry.coordinates;
  const { properties } = feature;
  const made = L.marker([lat, lon], {
    icon: pinFor(properties),
    keyboard: true,
    autoPanOnFocus: false, // it knows nothing of what lies over the map
    code: properties.code,
    state: properties.state,
    spoken: spoken(properties),
    look: look(feature),
  });
  made.on("add", () => {
    dress(made);
    const element = made.getElement();
    element.addEventListener("focus", () => element.matches(":focus-visible") && stepOn(made)); // a tap must not move what it is on
    element.addEventListener("blur", () => made.setZIndexOffset(0));
  });
  made.on("click", () => select(properties.code, { from: "map" }));
  made.on("keypress", (event) => event.originalEvent.key === "Enter" && select(properties.code, { from: "map" }));
  return made;
}

/* Whoever goes from pin to pin by the keyboard sees where she stands: above its neighbours, and not under filters or list. */
function stepOn(made) {
  made.setZIndexOffset(10000);
  if (isPhone.matches && sheet.dataset.sheet === "full") stop("half");
  map.panInside(made.getLatLng(), { paddingTopLeft: [60, 150], paddingBottomRight: [60, isPhone.matches ? 400 : 80], animate: false });
}

const look = ({ geometry, properties }) =>
  JSON.stringify([geometry.coordinates, properties.state, properties.price_per_kwh, properties.name]);

/* Only what changed is drawn anew: pins must not blink while the map moves. */
function showPlaces(features) {
  const seen = new Set();
  const gone = [];
  const come = [];
  for (const feature of features) {
    const { code } = feature.properties;
    seen.add(code);
    const old = pins.get(code);
    if (old && old.options.look === look(feature)) continue;
    if (old) gone.push(old);
    const made = marker(feature);
    pins.set(code, made);
    come.push(made);
  }
  for (const [code, old] of pins) {
    if (!seen.has(code)) {
      gone.push(old);
      pins.delete(code);
    }
  }
  if (lifted && gone.includes(lifted)) {
    map.removeLayer(lifted);
    lifted = null;
  }
  if (gone.length) crowd.removeLayers(gone);
  if (come.length) crowd.addLayers(come);
  lift();
  dressAll();
}

function showClusters(features) {
  showPlaces([]);
  wide.clearLayers();
  for (const { geometry, properties } of features) {
    const { point_count: total, free_count: free } = properties;
    const [lon, lat] = geometry.coordinates;
    const made = L.marker([lat, lon], { icon: clusterIcon(total, free, { free, offline: total - free }) });
    made.on("add", () => dress(made));
    made.on("click", () => map.setView([lat, lon], map.getZoom() + 2));
    wide.addLayer(made);
  }
}

/* The selected pin stands outside of the clusters, on top of all. */
function lift() {
  const pin = selected ? pins.get(selected) : null;
  if (lifted && lifted !== pin) {
    map.removeLayer(lifted);
    if (pins.get(lifted.options.code) === lifted) crowd.addLayer(lifted);
    lifted = null;
  }
  if (pin && pin !== lifted) {
    crowd.removeLayer(pin);
    lifted = pin.addTo(map);
  }
}

/* What the page itself moves is no new question: the list stays as it is read. */
function resized() {
  quiet = true;
  map.invalidateSize({ pan: false });
  setTimeout(() => (quiet = false), 400);
}

/* ---- what is asked of the server */

function wishes() {
  const data = new FormData(form);
  const wish = new URLSearchParams();
  const types = data.getAll("connector_type");
  if (types.length) wish.set("connector_type", types.join(","));
  const facts = data.getAll("facts");
  if (facts.length) wish.set("facts", facts.join(","));
  for (const name of ["q", "max_price_per_kwh", "available", "favourites", "my_circles", "fits_car", "instant_book", "min_rating"]) {
    const value = (data.get(name) ?? "").trim();
    if (value) wish.set(name, name === "max_price_per_kwh" ? value.replace(",", ".") : value);
  }
  const height = Number(data.get("height_cm"));
  if (Number.isInteger(height) && height >= 100 && height <= 600) wish.set("height_cm", height);
  const slot = ["free_from", "free_to"].map((name) => new Date(data.get(name) || NaN));
  if (slot[0] < slot[1]) {
    wish.set("free_from", slot[0].toISOString());
    wish.set("free_to", slot[1].toISOString());
  }
  if (wish.has("fits_car") && data.get("car")) wish.set("car", data.get("car"));
  const power = Math.max(...data.getAll("min_power_w").map(Number), 0);
  if (power) wish.set("min_power_w", power);
  return wish;
}

function presentation() {
  const data = new FormData(form);
  const extra = new URLSearchParams();
  if (data.get("energy_wh") && data.get("energy_wh") !== "20000") extra.set("energy_wh", data.get("energy_wh"));
  for (const name of ["from", "to", "car"]) if (data.get(name)) extra.set(name, data.get(name));
  if (!wishes().has("height_cm") && data.get("height_cm")) extra.set("height_cm", data.get("height_cm")); // the same
  if (!wishes().has("free_from")) {
    for (const name of ["free_from", "free_to"]) if (data.get(name)) extra.set(name, data.get(name)); // the list says what is wrong with it
  }
  if (data.get("sort") && data.get("sort") !== "near") extra.set("sort", data.get("sort"));
  return extra;
}

function bounds() {
  const box = map.getBounds();
  return [box.getWest(), Math.max(-90, box.getSouth()), box.getEast(), Math.min(90, box.getNorth())].map((number) => number.toFixed(5)).join(",");
}

function remember() {
  const address = new URLSearchParams([...wishes(), ...presentation()]);
  for (const name of ["from", "to", "car"]) address.delete(name); // mine, and kept by the server's cookie
  if (selected) address.set("selected", selected);
  if (!address.size && "opensFiltered" in form.dataset) address.set("sort", "near"); // an empty address would bring the usual filters back
  const query = address.toString();
  history.replaceState(history.state, "", query ? `?${query}` : location.pathname);
  const { lat, lng } = map.getCenter();
  sessionStorage.setItem(VIEW, JSON.stringify([lat, lng, map.getZoom()]));
}

async function askPlaces() {
  asking?.abort();
  asking = new AbortController();
  const query = wishes();
  if (!query.has("q")) query.set("bbox", bounds());
  try {
    const answer = await fetch(`/api/v1/charge-points/?${query}`, { signal: asking.signal, credentials: "same-origin" });
    if (!answer.ok) return;
    const { features } = await answer.json();
    if (features.length && features[0].properties.cluster) {
      showClusters(features);
    } else {
      wide.clearLayers();
      showPlaces(features);
      if (fitting && query.has("q") && features.length) fit(features);
    }
    fitting = false;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function fit(features) {
  const box = L.latLngBounds(features.map(({ geometry }) => [geometry.coordinates[1], geometry.coordinates[0]]));
  const below = isPhone.matches ? 360 : 60;
  map.fitBounds(box, { paddingTopLeft: [60, 130], paddingBottomRight: [60, below], maxZoom: 15 });
}

async function askList() {
  listing?.abort();
  listing = new AbortController();
  const query = new URLSearchParams([...wishes(), ...presentation()]);
  query.set("part", "list");
  if (sent) query.set("search", "1");
  if (!query.has("q")) query.set("bbox", bounds());
  if (here) query.set("near", `${here.lat.toFixed(4)},${here.lng.toFixed(4)}`);
  if (selected) query.set("selected", selected);
  sheet.classList.add("is-waiting");
  try {
    const answer = await fetch(`${form.action}?${query}`, { signal: listing.signal, credentials: "same-origin" });
    if (answer.ok) putList(await answer.text());
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    sheet.classList.remove("is-waiting");
  }
}

function parsed(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  return [...fresh.body.childNodes].map((node) => document.importNode(node, true));
}

function putList(html) {
  const focused = list.contains(document.activeElement) ? document.activeElement.closest("[data-code]")?.dataset.code : "";
  const top = list.scrollTop;
  list.replaceChildren(...parsed(html));
  list.scrollTop = top;
  if (focused) list.querySelector(`[data-code="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  mark();
}

function refresh() {
  remember();
  askPlaces();
  askList();
}

function soon(delay = 220) {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, delay);
}

/* ---- one selection in list, map and detail */

function mark() {
  for (const row of list.querySelectorAll("[data-code]")) {
    const on = row.dataset.code === selected;
    row.classList.toggle("row--selected", on);
    if (on) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  lift();
  dressAll();
}

async function select(code, { from = "list" } = {}) {
  selected = code;
  mark();
  remember();
  const row = list.querySelector(`[data-code="${CSS.escape(code)}"]`);
  if (!isPhone.matches) await showDetail(code);
  if (from === "map") {
    if (isPhone.matches && sheet.dataset.sheet === "low") stop("half");
    if (row) list.scrollTo({ top: row.offsetTop - list.offsetTop - 52, behavior: reduced.matches ? "auto" : "smooth" });
  } else {
    const pin = pins.get(code);
    if (pin && !map.getBounds().pad(-0.08).contains(pin.getLatLng())) {
      quiet = true;
      map.panTo(pin.getLatLng(), { animate: !reduced.matches });
    }
  }
}

async function showDetail(code, energy = "") {
  const wish = presentation();
  if (energy) wish.set("energy_wh", energy);
  wish.set("part", "panel");
  if (here) wish.set("near", `${here.lat.toFixed(4)},${here.lng.toFixed(4)}`);
  const answer = await fetch(`/charge-points/${encodeURIComponent(code)}/?${wish}`, { credentials: "same-origin" });
  if (!answer.ok || selected !== code) return;
  panel.replaceChildren(...parsed(await answer.text()));
  const opening = detail.hidden;
  detail.hidden = false;
  if (opening) {
    detail.scrollTop = 0;
    resized();
  }
}

function unselect() {
  selected = "";
  detail.hidden = true;
  panel.replaceChildren();
  resized();
  mark();
  remember();
}

list.addEventListener("click", (event) => {
  const drop = event.target.closest("[data-drop]");
  if (drop) {
    event.preventDefault();
    for (const name of drop.dataset.drop.split(" ")) {
      for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
        if (field.type === "checkbox") field.checked = false;
        else field.value = "";
      }
    }
    changed();
    return;
  }
  const town = event.target.closest("[data-town]");
  if (town && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    form.querySelector("[name=q]").value = "";
    map.setView(town.dataset.town.split(",").map(Number), 12, { animate: false });
    changed();
    return;
  }
  const row = event.target.closest("[data-code]");
  if (!row || isPhone.matches || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  select(row.dataset.code);
});

panel.addEventListener("click", (event) => {
  const amount = event.target.closest("[data-energy]");
  if (!amount) return;
  event.preventDefault();
  const energy = form.querySelector("[name=energy_wh]");
  if (energy) energy.value = amount.dataset.energy;
  showDetail(selected, amount.dataset.energy);
  soon(0);
});

page.querySelector("[data-map-close]").addEventListener("click", () => {
  const row = list.querySelector(`[data-code="${CSS.escape(selected)}"]`);
  unselect();
  row?.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (form.classList.contains("map-filters--open")) openFilters(false);
  else if (selected && !detail.hidden) unselect();
});

/* ---- filters */

function openFilters(open) {
  form.classList.toggle("map-filters--open", open);
  for (const button of form.querySelectorAll("[data-filters-open]")) button.setAttribute("aria-expanded", String(open));
}

function countFilters() {
  const wish = wishes();
  const count = ["connector_type", "min_power_w", "available", "favourites", "my_circles", "fits_car", "max_price_per_kwh", "free_from", "facts", "instant_book", "min_rating", "height_cm"].filter((name) => wish.has(name)).length;
  const badge = form.querySelector("[data-filters-count]");
  badge.textContent = count;
  badge.hidden = !count;
}

function changed() {
  for (const chip of form.querySelectorAll("[data-profile]")) {
    chip.classList.remove("chip--on");
    chip.removeAttribute("aria-current");
  }
  countFilters();
  soon(0);
}

form.addEventListener("change", (event) => {
  const chip = form.querySelector("[data-power-chip]");
  const choice = form.querySelector("[data-power-select]");
  if (event.target === chip) choice.value = chip.checked ? chip.value : "";
  if (event.target === choice) chip.checked = choice.value === chip.value;
  if (event.target.name === "q") fitting = true;
  changed();
});

let typing = 0;
form.querySelector("[name=q]").addEventListener("input", () => {
  sent = false;
  clearTimeout(typing);
  typing = setTimeout(() => {
    fitting = true;
    changed();
  }, 350);
});

form.addEventListener("submit", (event) => {
  if (event.submitter?.matches("[data-filters-save]")) return;
  event.preventDefault();
  fitting = Boolean(form.querySelector("[name=q]").value.trim());
  sent = fitting;
  openFilters(false);
  changed();
});

form.addEventListener("click", (event) => {
  if (event.target.closest("[data-filters-open]")) openFilters(!form.classList.contains("map-filters--open"));
  if (event.target.closest("[data-filters-clear]")) {
    event.preventDefault();
    for (const field of form.querySelectorAll("input[type=checkbox]")) field.checked = false;
    for (const field of form.querySelectorAll("select")) field.selectedIndex = field.name === "energy_wh" ? 1 : 0; // the car as well: the usual one is the first
    for (const field of form.querySelectorAll("input:not([type=checkbox])")) field.value = field.type === "number" ? field.defaultValue : "";
    changed();
  }
});

map.on("click", () => openFilters(false));

/* ---- the sheet on phones: three stops by dragging, by a tap, by the keyboard */

const STOPS = ["low", "half", "full"];
const handle = page.querySelector("[data-sheet-handle]");

function stop(name) {
  sheet.dataset.sheet = name;
  sheet.style.removeProperty("--sheet-at");
}

const offset = (name) => {
  const height = sheet.offsetHeight;
  return { low: height - 96, half: height - 340, full: 0 }[name];
};

let drag = null;

handle.addEventListener("pointerdown", (event) => {
  drag = { y: event.clientY, from: offset(sheet.dataset.sheet), moved: 0, at: offset(sheet.dataset.sheet) };
  handle.setPointerCapture(event.pointerId);
  sheet.classList.add("is-dragged");
});

handle.addEventListener("pointermove", (event) => {
  if (!drag) return;
  drag.moved = event.clientY - drag.y;
  drag.at = Math.min(offset("low"), Math.max(0, drag.from + drag.moved));
  sheet.style.setProperty("--sheet-at", `${drag.at}px`);
});

function dropped() {
  if (!drag) return;
  sheet.classList.remove("is-dragged");
  if (Math.abs(drag.moved) > 6) {
    const near = drag.at + Math.sign(drag.moved) * 60;
    stop(STOPS.reduce((best, name) => (Math.abs(offset(name) - near) < Math.abs(offset(best) - near) ? name : best), "low"));
    handle.dataset.dragged = "yes";
  } else {
    sheet.style.removeProperty("--sheet-at");
  }
  drag = null;
}

handle.addEventListener("pointerup", dropped);
handle.addEventListener("pointercancel", dropped);
handle.addEventListener("click", () => {
  if (handle.dataset.dragged) {
    delete handle.dataset.dragged;
    return;
  }
  stop(STOPS[(STOPS.indexOf(sheet.dataset.sheet) + 1) % STOPS.length]);
});

/* ---- live: a word that something changed, then one question for all of them */

new Live("/live/map/", {
  onMessage(message) {
    if (message.type !== "connector") return;
    soon(400);
    if (selected && message.charge_point === selected && !detail.hidden) showDetail(selected);
  },
  onOpen: () => soon(0),
});
setInterval(() => !document.hidden && askList(), 30000);

/* On a phone the sheet covers the lower part: the middle of the view is the middle of what is seen. */
if (!view && isPhone.matches) map.panBy([0, 120], { animate: false });
map.on("moveend", () => {
  if (quiet) quiet = false;
  else soon();
});
askForTiles();
countFilters();
if (selected && !isPhone.matches) showDetail(selected);
refresh();
