// What is wrong with the page as it stands, each as one line. `null` asks for everything, "dress" only for what a theme or a width changes.
(part) => {
  const wrong = [];
  const name = (node) => {
    const id = node.id ? `#${node.id}` : "";
    const kind = typeof node.className === "string" && node.className ? `.${node.className.trim().split(/\s+/).join(".")}` : "";
    return `<${node.tagName.toLowerCase()}${id}${kind}> "${(node.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40)}"`;
  };
  const shown = (node) => node.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true, contentVisibilityAuto: true });

  const wide = document.scrollingElement.scrollWidth - innerWidth;
  if (wide > 0) {
    const sticking = [...document.body.querySelectorAll("*")].filter((node) => {
      const box = node.getBoundingClientRect();
      return box.width && box.right > innerWidth + 1 && shown(node);
    });
    wrong.push(`${wide} px wider than the window: ${sticking.slice(0, 3).map(name).join(", ")}`);
  }

  const tall = document.scrollingElement.scrollHeight - innerHeight;
  if (tall > 0 && getComputedStyle(document.body).overflowY === "hidden") wrong.push(`${tall} px below the window, whereto nobody can scroll`);

  const numbers = (text) => (text.match(/-?[\d.]+(e-?\d+)?/g) ?? []).map(Number);
  const colour = (text) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = numbers(text.replace("srgb", ""));
    const scale = text.startsWith("color(") ? 255 : 1;
    return [red * scale, green * scale, blue * scale, alpha];
  };
  const over = (top, bottom) => top.slice(0, 3).map((value, index) => value * top[3] + bottom[index] * (1 - top[3]));
  const light = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const layer = colour(style.backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.reverse().reduce((below, layer) => over(layer, below), canvas);
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.textContent.trim() || seen.has(node)) continue;
    seen.add(node);
    if (node.closest("svg, script, style, template, noscript, option, [disabled], [aria-disabled=true], .visually-hidden, .leaflet-pane")) continue;
    if (!shown(node)) continue;
    const behind = ground(node);
    if (!behind) continue;
    const style = getComputedStyle(node);
    const [brighter, darker] = [light(over(colour(style.color), behind)), light(behind)].sort((one, other) => other - one);
    const contrast = (brighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (contrast < least - 0.01) wrong.push(`contrast ${contrast.toFixed(2)} of ${name(node)}`);
  }
  if (part === "dress") return wrong;

  const titles = document.querySelectorAll("h1");
  if (titles.length !== 1) wrong.push(`${titles.length} h1: ${[...titles].map(name).join(", ")}`);
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one <main>");
  if (!document.title.trim()) wrong.push("no title");
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const rank = Number(heading.tagName[1]);
    if (level && rank > level + 1) wrong.push(`a level is skipped before ${name(heading)}`);
    level = rank;
  }

  for (const node of document.querySelectorAll("*")) if (node instanceof HTMLUnknownElement) wrong.push(`no such element: ${name(node)}`);

  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index))) wrong.push(`id ${id} twice`);
  for (const kind of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
    for (const node of document.querySelectorAll(`[${kind}]`)) {
      for (const id of node.getAttribute(kind).split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) wrong.push(`${kind}="${id}" leads nowhere: ${name(node)}`);
      }
    }
  }
  const said = (node) => {
    const labels = (node.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "");
    return [node.getAttribute("aria-label"), node.getAttribute("title"), ...labels].join("").trim();
  };
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const labels = [...(field.labels ?? [])].map((label) => label.textContent.trim()).join("");
    if (!labels && !said(field)) wrong.push(`no label: ${name(field)} ${field.name}`);
  }
  for (const node of document.querySelectorAll("button, a[href], summary, [role=button], [role=link]")) {
    const inside = node.textContent.trim() || [...node.querySelectorAll("img[alt]")].map((image) => image.alt).join("").trim();
    if (!inside && !said(node)) wrong.push(`no name: ${name(node)} ${node.getAttribute("href") ?? ""}`);
  }
  for (const image of document.querySelectorAll("img:not([alt])")) wrong.push(`no alt: ${image.src}`);
  for (const drawing of document.querySelectorAll("svg:not([aria-hidden=true])")) {
    if (!said(drawing) && !drawing.querySelector("title") && !drawing.closest("[aria-hidden=true], [role=img][aria-label]")) wrong.push(`nameless drawing in ${name(drawing.parentElement)}`);
  }
  return wrong;
}
