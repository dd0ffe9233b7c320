// Where the keyboard stands: what has the focus, whether one sees that, and whether a bar hides it. "missed" asks where it never stood.
(part) => {
  const stoodOn = (window.stoodOn ??= new Set());
  if (part === "missed") {
    const all = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
    const chosenOf = (node) => node.type === "radio" && [...stoodOn].some((one) => one.name === node.name && one.form === node.form);
    const missed = [...all].filter(
      (node) => !stoodOn.has(node) && !node.disabled && node.tabIndex >= 0 && !chosenOf(node) && !node.closest("[inert], dialog:not([open])") &&
        node.checkVisibility({ checkVisibilityCSS: true }),
    );
    return missed.map((node) => node.outerHTML.slice(0, 120));
  }
  const node = document.activeElement;
  stoodOn.add(node);
  const action = [...document.querySelectorAll(".foot .button, .foot button, main .button")].find(
    (one) => one.checkVisibility() && !one.matches(":disabled, [aria-disabled=true], .button--secondary, .button--quiet, .button--bare"),
  );
  const isOut = node === document.body || node === document.documentElement;
  const rings = (one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const isSeen = isOut || getComputedStyle(node).boxShadow !== "none" || [node, ...node.children].some(rings);
  const shown = node.closest("label, summary, .leaflet-marker-icon") ?? node.labels?.[0] ?? node;
  const boxes = [node, shown, ...node.children].flatMap((one) => [...one.getClientRects()]).filter((box) => box.width > 1 && box.height > 1);
  const spots = boxes.flatMap((box) =>
    [0.1, 0.5, 0.9].flatMap((right) => [0.1, 0.5, 0.9].map((down) => [box.left + box.width * right, box.top + box.height * down])),
  );
  const isHidden = !isOut && !spots.some(([x, y]) => {
    const there = document.elementFromPoint(x, y);
    return there && (shown.contains(there) || node.contains(there) || there.contains(node));
  });
  return { isAction: node === action, hasAction: Boolean(action), isOut, isSeen, isHidden, what: node.outerHTML.slice(0, 120) };
}
