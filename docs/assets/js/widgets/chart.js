// A line chart, as wide as its place and drawn anew at each change, with a cursor across its lines.
import { html, svg } from "./dom.js";

const MARGIN = { left: 44, right: 14, top: 10, bottom: 24 }; // px; widgets.css aligns a slider with it

/**
 * Axes are { from, to, ticks: [[value, text], ...] }. `draw(lines, cursor)` takes lines as
 * { points: [[x, y], ...], look: 0 to 3 or "faint", at: y at the cursor }, and the cursor's x.
 * `pick(x, event)` is told where the pointer is.
 */
export const chart = ({ label, height, x, y, pick }) => {
  const drawing = svg("svg", { class: "chart", role: "img", "aria-label": label, height });
  const element = html("div", { class: "widget-chart" }, drawing);
  let state = [[], null];
  const inner = () => Math.max(drawing.clientWidth - MARGIN.left - MARGIN.right, 1);
  const across = (value) => MARGIN.left + (inner() * (value - x.from)) / (x.to - x.from);
  const bottom = height - MARGIN.bottom;
  const down = (value) => bottom - ((bottom - MARGIN.top) * (value - y.from)) / (y.to - y.from);

  const axes = () => [
    ...y.ticks.flatMap(([value, text]) => [
      svg("line", { class: "chart-grid", x1: MARGIN.left, x2: MARGIN.left + inner(), y1: down(value), y2: down(value) }),
      svg("text", { x: MARGIN.left - 6, y: down(value) + 4, "text-anchor": "end" }, text),
    ]),
    ...x.ticks.map(([value, text]) =>
      svg("text", { x: across(value), y: height - 6, "text-anchor": "middle" }, text)),
  ];
  const draw = (lines, cursor) => {
    state = [lines, cursor];
    const path = (points) => points.map(([a, b]) => `${across(a).toFixed(1)} ${down(b).toFixed(1)}`).join("L");
    drawing.replaceChildren(
      ...axes(),
      svg("line", { class: "chart-cursor", x1: across(cursor), x2: across(cursor), y1: MARGIN.top, y2: bottom }),
      ...lines.map(({ points, look }) => svg("path", { class: `look look-${look}`, d: `M${path(points)}` })),
      ...lines.filter(({ at }) => at !== undefined).map(({ at, look }) =>
        svg("circle", { class: `dot look-${look}`, cx: across(cursor), cy: down(at), r: 4 })),
    );
  };
  const point = (event) => {
    const share = (event.clientX - drawing.getBoundingClientRect().left - MARGIN.left) / inner();
    pick(x.from + Math.min(Math.max(share, 0), 1) * (x.to - x.from), event);
  };
  drawing.addEventListener("pointermove", point);
  drawing.addEventListener("pointerdown", point);
  const watch = new ResizeObserver(() => draw(...state));
  return { element, draw, connect: () => watch.observe(drawing), disconnect: () => watch.disconnect() };
};

/** The short piece of a line that says in a list which one is meant. */
export const sample = (look) =>
  svg("svg", { class: "chart-sample", width: 24, height: 12, "aria-hidden": "true" },
    svg("path", { class: `look look-${look}`, d: "M1 6H23" }));
