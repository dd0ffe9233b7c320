/* Picks a place on a map for two number fields: <div data-place-picker data-latitude="id" data-longitude="id">.
   Without this script the numbers are typed. The marker can be dragged, the map clicked, "where I am" asked of the browser. */

import { sketch } from "./sketch.js";

const box = document.querySelector("[data-place-picker]");
const latitude = box && document.getElementById(box.dataset.latitude);
const longitude = box && document.getElementById(box.dataset.longitude);

if (box && latitude && longitude && window.L) {
  const L = window.L;
  const settings = JSON.parse(document.getElementById("place-picker-settings").textContent);
  const canvas = box.querySelector("[data-place-map]");
  box.hidden = false;
  document.querySelector("[data-place-numbers]")?.removeAttribute("open");

  const known = () => (latitude.value && longitude.value ? L.latLng(Number(latitude.value), Number(longitude.value)) : null);
  const map = L.map(canvas, { zoomControl: false, minZoom: settings.minZoom, maxZoom: settings.maxZoom, worldCopyJump: true });
  L.control.zoom({ position: "bottomright", zoomInTitle: settings.words.zoomIn, zoomOutTitle: settings.words.zoomOut }).addTo(map);
  map.attributionControl.setPrefix(false);
  sketch(L, { worldUrl: settings.worldUrl, townUrl: settings.townUrl, attribution: settings.words.sketch }).addTo(map);
  const [source] = settings.tiles;
  if (source && localStorage.getItem("map-tiles") === "yes") {
    L.tileLayer(source.url, { attribution: source.attribution, maxZoom: settings.maxZoom }).addTo(map); // asked for on the map page
  }
  map.setView(known() ?? settings.centre, known() ? 17 : settings.zoom);

  const pin = L.divIcon({ className: "place-pin", html: box.querySelector("template").innerHTML, iconSize: [44, 52], iconAnchor: [22, 50] });
  let marker = null;

  const put = (at) => {
    const point = at.wrap();
    if (!marker) {
      marker = L.marker(point, { icon: pin, draggable: true, keyboard: true, autoPan: true, title: box.dataset.label }).addTo(map);
      marker.on("dragend", () => put(marker.getLatLng()));
    }
    marker.setLatLng(point);
    latitude.value = point.lat.toFixed(6);
    longitude.value = point.lng.toFixed(6);
    box.querySelector("[data-place-said]").textContent = `${point.lat.toFixed(5)}, ${point.lng.toFixed(5)}`;
  };

  if (known()) put(known());
  map.on("click", (event) => put(event.latlng));
  for (const field of [latitude, longitude]) {
    field.addEventListener("change", () => {
      if (!known()) return;
      put(known());
      map.panTo(known());
    });
  }

  const here = box.querySelector("[data-place-here]");
  if (here && navigator.geolocation && window.isSecureContext) {
    here.hidden = false;
    here.addEventListener("click", () => {
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          const at = L.latLng(coords.latitude, coords.longitude);
          map.setView(at, 18);
          put(at);
        },
        () => {
          here.hidden = true;
        },
        { enableHighAccuracy: true, timeout: 10000 },
      );
    });
  }
}
