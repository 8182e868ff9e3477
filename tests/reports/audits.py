"""Questions to a page in a browser, in its own language: each is an expression that a healthy page answers well."""

# Functions that the questions share.
COLOURS = """
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
"""

# Text must stand out from what is behind it: WCAG AA asks for 4.5 to 1. The worst ratio, and where.
LOWEST_TEXT_CONTRAST = f"""
(() => {{{COLOURS}
  let worst = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {{
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.getClientRects().length || e.closest("script, style, .sprites")) continue;
    const style = getComputedStyle(e);
    const ratio = contrast(rgb(e.closest("svg") ? style.fill : style.color), behind(e));
    if (ratio < worst[0]) worst = [ratio, walker.currentNode.data.trim()];
  }}
  return worst;
}})()
"""

# Dots and lines that carry data must stand out too: WCAG AA asks for 3 to 1. Hairlines of the grid carry none.
LOWEST_MARK_CONTRAST = f"""
(() => {{{COLOURS}
  let worst = [99, ""];
  for (const e of document.querySelectorAll("main .panel svg circle, main .panel svg polyline")) {{
    if (!e.getClientRects().length || e.getAttribute("stroke") === "var(--rule)") continue;
    const style = getComputedStyle(e);
    const colours = [style.stroke, style.fill].filter((c) => c.startsWith("rgb")).map(rgb);
    const ratio = Math.max(...colours.map((c) => contrast(c, behind(e))));
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 200)];
  }}
  return worst;
}})()
"""

# What reaches past the window; only what lies in a box that scrolls, and shows it, may do so.
TOO_WIDE = """
[...document.querySelectorAll("body *")].filter((e) => {
  const {right, width} = e.getBoundingClientRect();
  if (!width || right <= innerWidth + 0.5 || e.closest("pre")) return false;
  const box = e.parentElement.closest(".scroll");
  return !box || getComputedStyle(box).overflowX !== "auto" || getComputedStyle(box).backgroundImage === "none";
}).map((e) => e.outerHTML.slice(0, 200))
"""

OPEN_FOLDS = "document.querySelectorAll('details').forEach((fold) => (fold.open = true))"

# Every figure and picture that cannot be seen: too small, or never decoded. Of a figure for a page and the same for a
# phone one is seen.
UNSEEN = """
[...document.querySelectorAll("main svg, main img")].filter((e) => {
  const box = e.closest(".wide, .narrow");
  const twins = box ? [...box.parentElement.children].filter((x) => x.matches(".wide, .narrow")) : [];
  const seen = twins.filter((x) => getComputedStyle(x).display !== "none");
  if (seen.length === 1 && seen[0] !== box) return false;
  const {width, height} = e.getBoundingClientRect();
  return width < 20 || height < 6 || (e instanceof HTMLImageElement && !e.naturalWidth);
}).map((e) => e.outerHTML.slice(0, 200))
"""

# Words that a figure cuts off, in its own coordinates: a letter may lean out by a point.
CUT_OFF = """
[...document.querySelectorAll("main .panel svg text")].filter((e) => {
  if (!e.getClientRects().length) return false;
  const text = e.getBBox(), sheet = e.ownerSVGElement.viewBox.baseVal;
  return text.x < -1 || text.y < -1 || text.x + text.width > sheet.width + 1 || text.y + text.height > sheet.height + 4;
}).map((e) => e.textContent)
"""

# Columns that a click on their heading does not put in order, first up or down and then the other way.
UNSORTED = """
[...document.querySelectorAll("[data-sortable]")].flatMap((table) =>
  [...table.tHead.rows[0].cells].flatMap((heading, column) => {
    const button = heading.querySelector("[data-sort]");
    if (!button) return [];
    return [0, 1].flatMap(() => {
      button.click();
      const numeric = heading.classList.contains("number"), down = heading.ariaSort === "descending";
      const values = [...table.tBodies[0].rows].map((row) => row.cells[column])
        .map((cell) => (numeric ? cell.dataset.value : cell.textContent.trim()));
      const last = values.findIndex((value) => value === "");
      const known = last < 0 ? values : values.slice(0, last);
      const before = (a, b) => numeric ? a - b : a.localeCompare(b, undefined, {numeric: true});
      const right = known.every((value, i) => !i || (down ? -1 : 1) * before(known[i - 1], value) <= 0)
        && values.slice(known.length).every((value) => value === "");
      return right ? [] : [`${table.caption.textContent}: ${heading.textContent}`];
    });
  }))
"""

# What a reader without a mouse must be able to reach.
REACHABLE = """
[...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
  .filter((e) => e.checkVisibility()).length
"""

# Where the focus is, and whether a reader can see it.
FOCUS = """
(() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  e.dataset.stop ??= String(++window.stops || (window.stops = 1));
  const style = getComputedStyle(e);
  const seen = style.outlineStyle !== "none" || e.matches(".lit, [data-clip]") || e.closest(".skip");
  return [e.dataset.stop, e.outerHTML.slice(0, 120), Boolean(seen)];
})()
"""
