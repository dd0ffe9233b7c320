"""axe-core over what a browser shows: WCAG 2.0 to 2.2, levels A and AA, and what it calls best practice."""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = (Path(__file__).parent / "vendor/axe/axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const options = { runOnly: tags, resultTypes: ["violations"], preload: false, rules: { "target-size": { enabled: true } } };
  while (document.querySelector(".is-waiting")) await new Promise(requestAnimationFrame);
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => {
    const why = [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; ");
    return `axe ${id}: ${node.target.join(" ")} ${node.html.slice(0, 160)}: ${why.slice(0, 240)}`;
  }));
}"""


def look(page: Page) -> list[str]:
    """What is wrong with the page as it stands. The strict policy of the page does not reach what the browser's own wire brings in."""
    page.evaluate(SOURCE)
    found: list[str] = page.evaluate(RUN, TAGS)
    return found
