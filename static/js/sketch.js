/* The map below the pins without anybody's tiles: countries after Natural Earth and our own sketch of the demo town,
   drawn tile by tile in the colours of the theme. See static/map/README.md for the data. */

const TILE = 256;
const HOUSES_FROM = 14;
const SIDE_STREETS_FROM = 13;
const TOWN_FROM = 9;
const WORLD_DETAIL_UNTIL = 11;
const TOWNS = [
  ["Praha", 50.083, 14.43, 5], ["Brno", 49.195, 16.61, 6], ["Ostrava", 49.835, 18.28, 6], ["Plzeň", 49.747, 13.377, 7],
  ["Olomouc", 49.594, 17.25, 7], ["Liberec", 50.767, 15.056, 7], ["Hradec Králové", 50.209, 15.833, 7], ["České Budějovice", 48.975, 14.474, 7],
  ["Zlín", 49.227, 17.667, 8], ["Jihlava", 49.396, 15.591, 8], ["Krnov", 50.0897, 17.7037, 9], ["Bruntál", 49.988, 17.464, 10],
  ["Hlučín", 49.898, 18.192, 10], ["Frýdek-Místek", 49.685, 18.35, 9], ["Nový Jičín", 49.594, 18.01, 9], ["Wien", 48.208, 16.37, 5],
  ["Bratislava", 48.146, 17.107, 5], ["Katowice", 50.264, 19.024, 6], ["Kraków", 50.062, 19.94, 6], ["Wrocław", 51.108, 17.038, 6],
  ["Berlin", 52.52, 13.405, 4], ["Warszawa", 52.23, 21.01, 5], ["Budapest", 47.498, 19.04, 5], ["München", 48.137, 11.575, 5],
  ["Dresden", 51.05, 13.738, 6], ["Racibórz", 50.092, 18.22, 9], ["Opole", 50.675, 17.921, 8],
];

const px = (lon, size) => ((lon + 180) / 360) * size;
const py = (lat, size) => {
  const sin = Math.sin((lat * Math.PI) / 180);
  return (0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)) * size;
};

function shape(coordinates) {
  let west = Infinity, east = -Infinity, south = Infinity, north = -Infinity;
  for (let i = 0; i < coordinates.length; i += 2) {
    west = Math.min(west, coordinates[i]);
    east = Math.max(east, coordinates[i]);
    south = Math.min(south, coordinates[i + 1]);
    north = Math.max(north, coordinates[i + 1]);
  }
  return { at: coordinates, west, east, south, north };
}

function readWorld(data) {
  return data.rings.map((steps) => {
    const points = new Float64Array(steps.length);
    let x = 0, y = 0;
    for (let i = 0; i < steps.length; i += 2) {
      x += steps[i];
      y += steps[i + 1];
      points[i] = x * data.unit;
      points[i + 1] = y * data.unit;
    }
    return shape(points);
  });
}

function readTown(data) {
  const [lon, lat] = data.origin;
  const place = (steps) => shape(Float64Array.from(steps, (step, i) => (i % 2 ? lat : lon) + step * data.unit));
  const houses = [];
  const metreY = 1 / 111194;
  const metreX = 1 / (111320 * Math.cos((lat * Math.PI) / 180));
  for (let i = 0; i < data.houses.length; i += 5) {
    const [x, y, width, depth, angle] = data.houses.slice(i, i + 5);
    const cx = lon + x * data.unit, cy = lat + y * data.unit;
    const cos = Math.cos((angle * Math.PI) / 180), sin = Math.sin((angle * Math.PI) / 180);
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].flatMap(([a, b]) => {
      const dx = (a * width) / 4, dy = (b * depth) / 4;
      return [cx + (dx * cos - dy * sin) * metreX, cy + (dx * sin + dy * cos) * metreY];
    });
    houses.push(shape(corners));
  }
  return {
    roads: data.roads.map(([rank, name, steps]) => ({ rank, name, ...place(steps) })),
    rails: data.rails.map(place),
    rivers: data.rivers.map(([width, steps]) => ({ width, ...place(steps) })),
    lakes: data.lakes.map(place),
    parks: data.parks.map(place),
    forests: data.forests.map(place),
    urban: data.urban.map(place),
    squares: data.squares.map(place),
    houses,
    labels: data.labels.map(([kind, text, x, y, angle]) => ({ kind, text, angle, lon: lon + x * data.unit, lat: lat + y * data.unit })),
    frame: { west: lon - 0.16, east: lon + 0.16, south: lat - 0.1, north: lat + 0.1 },
  };
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    land: read("map-block"), house: read("map-building"), road: read("map-road"), roadCase: read("map-road-case"), main: read("map-main-road"),
    mainCase: read("map-main-road-case"), water: read("map-water"), park: read("map-park"), label: read("map-label"), halo: read("map-label-halo"),
    border: read("grey-line"), grey: read("grey"),
  };
}

class Painter {
  constructor(context, coords) {
    this.context = context;
    this.zoom = coords.z;
    this.size = TILE * 2 ** coords.z;
    this.left = coords.x * TILE;
    this.top = coords.y * TILE;
    const lon = (x) => (x / this.size) * 360 - 180;
    const lat = (y) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / this.size))) * 180) / Math.PI;
    const room = 40;
    this.west = lon(this.left - room);
    this.east = lon(this.left + TILE + room);
    this.north = lat(this.top - room);
    this.south = lat(this.top + TILE + room);
  }

  sees(item) {
    return item.west <= this.east && item.east >= this.west && item.south <= this.north && item.north >= this.south;
  }

  metres(length, lat = 49.94) {
    return (length * this.size) / (40075017 * Math.cos((lat * Math.PI) / 180));
  }

  trace(item, closed) {
    const { context } = this;
    for (let i = 0; i < item.at.length; i += 2) {
      const x = px(item.at[i], this.size) - this.left, y = py(item.at[i + 1], this.size) - this.top;
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    if (closed) context.closePath();
  }

  fill(items, colour) {
    const { context } = this;
    context.beginPath();
    let some = false;
    for (const item of items) {
      if (this.sees(item)) {
        this.trace(item, true);
        some = true;
      }
    }
    if (!some) return;
    context.fillStyle = colour;
    context.fill("nonzero");
  }

  stroke(items, colour, width, dash = []) {
    const { context } = this;
    context.beginPath();
    let some = false;
    for (const item of items) {
      if (this.sees(item)) {
        this.trace(item, false);
        some = true;
      }
    }
    if (!some) return;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.lineCap = dash.length ? "butt" : "round";
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  }

  text(text, lon, lat, { size, weight = 500, colour, halo, angle = 0, spacing = "0px", italic = false }) {
    const { context } = this;
    const x = px(lon, this.size) - this.left, y = py(lat, this.size) - this.top;
    if (x < -160 || y < -160 || x > TILE + 160 || y > TILE + 160) return;
    context.save();
    context.translate(x, y);
    context.rotate((angle * Math.PI) / 180);
    context.font = `${italic ? "italic " : ""}${weight} ${size}px Inter, system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    if ("letterSpacing" in context) context.letterSpacing = spacing;
    context.lineJoin = "round";
    context.strokeStyle = halo;
    context.lineWidth = 3.5;
    context.strokeText(text, 0, 0);
    context.fillStyle = colour;
    context.fillText(text, 0, 0);
    context.restore();
  }
}

/* Width of a road by its rank, in metres, and the least it may have in pixels. */
const ROADS = { 1: [17, 2.6], 2: [13, 1.8], 3: [10, 1.4], 4: [8.5, 0.8] };

function drawTown(painter, town, paint) {
  const { zoom } = painter;
  painter.fill(town.forests, paint.park);
  if (zoom <= HOUSES_FROM) {
    painter.context.globalAlpha = zoom < HOUSES_FROM ? 0.55 : 0.3;
    painter.fill(town.urban, paint.house);
    painter.context.globalAlpha = 1;
  }
  painter.fill(town.parks, paint.park);
  painter.fill(town.lakes, paint.water);
  for (const river of town.rivers) {
    painter.stroke([river], paint.water, Math.max(zoom < 11 ? 1.2 : 2, painter.metres(river.width)));
  }
  if (zoom >= HOUSES_FROM) painter.fill(town.houses, paint.house);
  const ranks = zoom >= SIDE_STREETS_FROM ? [4, 3, 2, 1] : zoom >= 11 ? [3, 2, 1] : [1];
  const width = (rank) => Math.max(ROADS[rank][1], painter.metres(ROADS[rank][0]));
  const of = (rank) => town.roads.filter((road) => road.rank === rank);
  if (zoom >= 14) painter.fill(town.squares, paint.road);
  for (const rank of ranks) {
    const edge = zoom >= 15 ? 2.4 : 1.6;
    const isMain = rank <= 2;
    if (zoom >= 13) painter.stroke(of(rank), isMain ? paint.mainCase : paint.roadCase, width(rank) + edge);
    else if (isMain) painter.stroke(of(rank), paint.mainCase, width(rank) + 1);
  }
  for (const rank of ranks) painter.stroke(of(rank), rank <= 2 ? paint.main : paint.road, width(rank));
  if (zoom >= 12) {
    painter.stroke(town.rails, paint.grey, zoom >= 15 ? 3 : 2);
    painter.stroke(town.rails, paint.land, zoom >= 15 ? 1.4 : 1, [7, 7]);
  }
}

const KINDS = {
  town: { from: 9, until: 17, size: 17, weight: 650, spacing: "1.5px", upper: true },
  part: { from: 13, until: 18, size: 12.5, weight: 600, spacing: "1px", upper: true },
  village: { from: 11, until: 17, size: 12.5, weight: 550 },
  road: { from: 14, until: 19, size: 12.5, weight: 500 },
  street: { from: 15, until: 19, size: 12, weight: 500 },
  park: { from: 15, until: 19, size: 12, weight: 500 },
  water: { from: 12, until: 19, size: 12.5, weight: 500, italic: true },
};

function drawTownLabels(painter, town, paint) {
  for (const { kind, text, lon, lat, angle } of town.labels) {
    const look = KINDS[kind];
    if (painter.zoom < look.from || painter.zoom > look.until) continue;
    painter.text(look.upper ? text.toLocaleUpperCase("cs") : text, lon, lat, { ...look, angle, colour: paint.label, halo: paint.halo });
  }
}

function draw(painter, world, town, paint) {
  const { context } = painter;
  const inTown = town && painter.zoom >= TOWN_FROM && painter.sees(town.frame);
  context.fillStyle = paint.water;
  context.fillRect(0, 0, TILE, TILE);
  if (painter.zoom > WORLD_DETAIL_UNTIL && inTown) {
    context.fillStyle = paint.land;
    context.fillRect(0, 0, TILE, TILE);
  } else {
    painter.fill(world, paint.land);
    painter.stroke(world, paint.border, painter.zoom < 6 ? 0.7 : 1.2);
  }
  if (inTown) drawTown(painter, town, paint);
  for (const [name, lat, lon, from] of TOWNS) {
    if (painter.zoom >= from && painter.zoom <= 13) {
      painter.text(name, lon, lat, { size: painter.zoom >= from + 2 ? 14 : 12.5, weight: 600, colour: paint.label, halo: paint.halo });
    }
  }
  if (inTown) drawTownLabels(painter, town, paint);
}

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

/* A Leaflet layer; the town's file is fetched only once somebody looks at it closely. */
export function sketch(L, { worldUrl, townUrl, attribution }) {
  let world = [];
  let town = null;
  let asked = false;
  let paint = colours();

  const Sketch = L.GridLayer.extend({
    createTile(coords) {
      const tile = L.DomUtil.create("canvas", "leaflet-tile");
      const scale = Math.min(3, window.devicePixelRatio || 1);
      tile.width = tile.height = TILE * scale;
      const context = tile.getContext("2d");
      context.scale(scale, scale);
      draw(new Painter(context, coords), world, town, paint);
      if (coords.z >= TOWN_FROM && !asked) {
        asked = true;
        read(townUrl).then((data) => {
          town = readTown(data);
          this.redraw();
        });
      }
      return tile;
    },
  });

  const layer = new Sketch({ attribution, tileSize: TILE, updateWhenZooming: false, keepBuffer: 3, zIndex: 0 });
  read(worldUrl).then((data) => {
    world = readWorld(data);
    layer.redraw();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paint = colours();
    layer.redraw();
  });
  document.fonts?.ready.then(() => layer.redraw());
  return layer;
}
