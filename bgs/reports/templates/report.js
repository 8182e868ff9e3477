"use strict";
// Three conveniences; without them the page still says everything: sorting, pointing at clips, printing.

// Tables sort by the number behind a cell, else by its text; what has no value stays last.
for (const table of document.querySelectorAll("[data-sortable]")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = heading.querySelector("[data-sort]");
    if (!button) return;
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("number");
      const now = heading.getAttribute("aria-sort");
      const descending = now ? now === "ascending" : numeric;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => {
        const cell = row.cells[column];
        if (!numeric) return cell.textContent.trim();
        return cell.dataset.value === "" ? null : Number(cell.dataset.value);
      };
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = numeric ? a - b : a.localeCompare(b, undefined, { numeric: true });
        return descending ? -order : order;
      });
      rows.forEach(([, row]) => body.append(row));
    });
  });
}

// Pointing at a clip shows its picture and words, and lights the same clip in the neighbouring maps.
const SVG = "http://www.w3.org/2000/svg";
const GROUP = "[data-panels], [data-clips]";
const tip = document.getElementById("tip");

function picture(key, size) {
  const symbol = document.getElementById(`picture-${key}`);
  if (!symbol) return null;
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${symbol.id}`);
  use.setAttribute("width", size);
  use.setAttribute("height", size);
  return use;
}

function light(dot) {
  const panels = dot.closest(GROUP);
  panels.classList.add("dim");
  for (const twin of panels.querySelectorAll("[data-clip], [data-picture]")) {
    twin.classList.toggle("lit", (twin.dataset.clip ?? twin.dataset.picture) === dot.dataset.clip);
  }
  const words = dot.getAttribute("aria-label");
  const colon = words.indexOf(": ");
  const name = document.createElement("b");
  name.textContent = colon < 0 ? words : words.slice(0, colon);
  tip.replaceChildren(name, colon < 0 ? "" : words.slice(colon + 2));
  const use = picture(dot.dataset.clip, 96);
  if (use) {
    const frame = document.createElementNS(SVG, "svg");
    frame.setAttribute("viewBox", "0 0 96 96");
    frame.append(use);
    tip.prepend(frame);
  }
  tip.hidden = false;
  const place = dot.getBoundingClientRect();
  const left = Math.min(place.right + 10, innerWidth - tip.offsetWidth - 8);
  const top = Math.min(place.top + 10, innerHeight - tip.offsetHeight - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, top)}px`;
}

function dark(dot) {
  const panels = dot.closest(GROUP);
  panels.classList.remove("dim");
  panels.querySelectorAll(".lit").forEach((twin) => twin.classList.remove("lit"));
  tip.hidden = true;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
for (const dot of document.querySelectorAll("[data-clip]")) {
  // A <title> would show the browser's own tip on top of ours; the name is in aria-label.
  dot.querySelector("title")?.remove();
  dot.addEventListener("pointerenter", () => light(dot));
  // A clip that was clicked (or tapped) keeps its words until something else is.
  dot.addEventListener("pointerleave", () => dot === document.activeElement || dark(dot));
  dot.addEventListener("click", () => dot.focus({ preventScroll: true }));
  dot.addEventListener("focus", () => light(dot));
  dot.addEventListener("blur", () => dark(dot));
  dot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return dark(dot);
    const dots = [...dot.closest("svg[role=group], [data-clips]").querySelectorAll("[data-clip]")];
    const here = dots.indexOf(dot);
    const next = event.key === "Home" ? 0 : event.key === "End" ? dots.length - 1 : here + (STEPS[event.key] ?? NaN);
    if (!dots[next]) return;
    event.preventDefault();
    dot.tabIndex = -1;
    dots[next].tabIndex = 0;
    dots[next].focus();
  });
}

// Strips and triads of pictures are one stop for Tab each, like a map.
for (const group of document.querySelectorAll("[data-clips]")) {
  group.querySelectorAll("[data-clip]").forEach((clip, place) => (clip.tabIndex = place ? -1 : 0));
}

// Pictures instead of dots: drawn on top of each dot, which stays what is pointed at and gives the frame its colour.
for (const box of document.querySelectorAll("[data-pictures]")) {
  box.addEventListener("change", () => {
    const panels = box.closest(".body").querySelector("[data-panels]");
    panels.querySelectorAll("[data-picture]").forEach((drawn) => drawn.remove());
    if (!box.checked) return;
    for (const dot of panels.querySelectorAll("[data-clip]")) {
      const use = picture(dot.dataset.clip, 21);
      if (!use) continue;
      const frame = document.createElementNS(SVG, "rect");
      for (const [name, value] of [["x", -2], ["y", -2], ["width", 25], ["height", 25]]) frame.setAttribute(name, value);
      frame.setAttribute("fill", dot.getAttribute("fill"));
      const drawn = document.createElementNS(SVG, "g");
      drawn.dataset.picture = dot.dataset.clip;
      drawn.setAttribute("transform", `translate(${dot.getAttribute("cx") - 10.5} ${dot.getAttribute("cy") - 10.5})`);
      drawn.setAttribute("pointer-events", "none");
      drawn.append(frame, use);
      dot.after(drawn);
    }
  });
}

// Paper has no way to open a fold.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
