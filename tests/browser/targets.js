// What a finger could miss: everything one can press that catches less than `least` pixels either way. Links within a sentence are as high as it is.
(least) => {
  const PRESSED = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=link]";
  const name = (node) => `<${node.tagName.toLowerCase()} class="${node.getAttribute("class") ?? ""}"> "${(node.textContent || node.getAttribute("aria-label") || node.name || "").trim().replace(/\s+/g, " ").slice(0, 40)}"`;
  const shown = (node) => node.checkVisibility({ checkVisibilityCSS: true, contentVisibilityAuto: true });

  // A box drawn around the part by its ::before or ::after catches as much as the part itself.
  const around = (node) => {
    const box = node.getBoundingClientRect();
    const boxes = box.width && box.height ? [box] : [];
    for (const part of ["::before", "::after"]) {
      const style = getComputedStyle(node, part);
      if (style.content === "none" || style.position !== "absolute" || style.pointerEvents === "none") continue;
      const [left, top, width, height] = [style.left, style.top, style.width, style.height].map(parseFloat);
      if ([left, top, width, height].every(Number.isFinite)) boxes.push(new DOMRect(box.left + node.clientLeft + left, box.top + node.clientTop + top, width, height));
    }
    return boxes;
  };
  const isInSentence = (node) => {
    const block = node.parentElement.closest("p, li, dd, dt, td, h1, h2, h3, label, div, span:not(.row__body)");
    const text = (one) => one.textContent.trim().length;
    return getComputedStyle(node).display === "inline" && text(block) > text(node);
  };

  const wrong = [];
  for (const node of document.querySelectorAll(PRESSED)) {
    if (!shown(node) || node.disabled || node.closest("[inert], .visually-hidden, .skip-link, .leaflet-control-attribution") || isInSentence(node)) continue;
    const parts = [node, ...node.querySelectorAll("*"), ...(node.labels ?? [])];
    const boxes = parts.filter((part) => part === node || shown(part)).flatMap(around);
    if (!boxes.length) continue;
    const side = (from, to) => Math.max(...boxes.map((box) => box[to])) - Math.min(...boxes.map((box) => box[from]));
    const [width, height] = [side("left", "right"), side("top", "bottom")];
    if (width < least - 0.5 || height < least - 0.5) wrong.push(`a finger misses ${name(node)}: ${Math.round(width)} × ${Math.round(height)}`);
  }
  return wrong;
}
