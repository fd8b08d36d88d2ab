// A line chart, as wide as its place and drawn anew at each change, with a cursor across its lines.
import { html, svg } from "./dom.js";

const MARGIN = { left: 44, right: 14, top: 10, bottom: 24 }; // px; widgets.css aligns a slider

/**
 * Axes are { from, to, ticks: [[value, text], ...] }. `draw(lines, cursor)` takes lines as
 * { points: [[x, y], ...], look: 0 to 3 or "faint", at: y at the cursor }, and the cursor's x.
 * `pick(x)` is told where a pointer is pressed, with `hover` also where the mouse is.
 */
export const chart = ({ label, height, x, y, pick, hover = false }) => {
  const drawing = svg("svg", { class: "chart", role: "img", "aria-label": label, height });
  const bottom = height - MARGIN.bottom;
  const inner = () => Math.max(drawing.clientWidth - MARGIN.left - MARGIN.right, 1);
  const across = (value) => MARGIN.left + (inner() * (value - x.from)) / (x.to - x.from);
  const down = (value) => bottom - ((bottom - MARGIN.top) * (value - y.from)) / (y.to - y.from);

  const line = (kind, x1, y1, x2, y2) => svg("line", { class: `chart-${kind}`, x1, y1, x2, y2 });
  const text = (words, x, y, anchor) => svg("text", { x, y, "text-anchor": anchor }, words);
  const curve = ({ points, look }) => {
    const places = points.map(([a, b]) => `${across(a).toFixed(1)} ${down(b).toFixed(1)}`);
    return svg("path", { class: `look look-${look}`, d: `M${places.join("L")}` });
  };
  const dot = ({ at, look }, cursor) =>
    svg("circle", { class: `dot look-${look}`, cx: across(cursor), cy: down(at), r: 4 });

  let last;
  const draw = (lines, cursor) => {
    last = [lines, cursor];
    drawing.replaceChildren(
      ...y.ticks.flatMap(([value, words]) => [
        line("grid", across(x.from), down(value), across(x.to), down(value)),
        text(words, MARGIN.left - 6, down(value) + 4, "end"),
      ]),
      ...x.ticks.map(([value, words]) => text(words, across(value), height - 6, "middle")),
      line("cursor", across(cursor), MARGIN.top, across(cursor), bottom),
      ...lines.map(curve),
      ...lines.filter(({ at }) => at !== undefined).map((one) => dot(one, cursor)),
    );
  };

  const point = (event) => {
    const share = (event.clientX - drawing.getBoundingClientRect().left - MARGIN.left) / inner();
    pick(x.from + Math.min(Math.max(share, 0), 1) * (x.to - x.from));
  };
  // A finger may have come to scroll the page: it picks by a tap, or by moving sideways.
  let start;
  const sideways = ({ clientX, clientY }) =>
    Math.abs(clientX - start.clientX) > Math.abs(clientY - start.clientY);
  drawing.addEventListener("click", point);
  drawing.addEventListener("pointerdown", (event) => (start = event));
  drawing.addEventListener("pointermove", (event) => {
    const finger = event.pointerType === "touch";
    if (finger ? sideways(event) : hover || event.buttons === 1) point(event);
  });
  const watch = new ResizeObserver(() => draw(...last));
  return {
    element: html("div", { class: "widget-chart" }, drawing),
    draw,
    connect: () => watch.observe(drawing), // once it has been drawn
    disconnect: () => watch.disconnect(),
  };
};

/** The short piece of a line that says in a list which one is meant. */
export const sample = (look) =>
  svg("svg", { class: "chart-sample", width: 24, height: 12, "aria-hidden": "true" },
    svg("path", { class: `look look-${look}`, d: "M1 6H23" }));
