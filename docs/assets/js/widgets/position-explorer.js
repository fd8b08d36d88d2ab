// What a score sees of the distance between query and key: sinusoids, RoPE, ALiBi.
import { chart, sample } from "./chart.js";
import { announcer, html, number, slider } from "./dom.js";

const FARTHEST = 128;
const HEADS = 8;
const DISTANCES = Array.from({ length: FARTHEST + 1 }, (_, distance) => distance);
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const frequencies = (width, base) =>
  Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));

/** The vector of a position: the sine and cosine of each hand's angle. */
const sinusoidal = (position, hands) =>
  hands.flatMap((hand) => [Math.sin(position * hand), Math.cos(position * hand)]);
/** A vector whose neighbours are pairs, each turned to a position. */
const rotary = (x, position, hands) =>
  hands.flatMap((hand, i) => {
    const [a, b, cos, sin] = [x[2 * i], x[2 * i + 1], Math.cos(position * hand), Math.sin(position * hand)];
    return [cos * a - sin * b, sin * a + cos * b];
  });

/** The dot product of two position vectors, as a share of the largest. */
export const sinusoidalScore = (distance, width, base) => {
  const hands = frequencies(width, base);
  return dot(sinusoidal(distance, hands), sinusoidal(0, hands)) / (width / 2);
};
/** The score of a query of length 1 with a key that is the query, turned some places ahead. */
export const rotaryScore = (distance, width, base, ahead) => {
  const [hands, x] = [frequencies(width, base), Array(width).fill(width ** -0.5)];
  return dot(rotary(x, distance, hands), rotary(x, ahead, hands));
};
/** What a head, counted from 1 to 8, adds to a score. */
export const alibiBias = (distance, head) => -(2 ** ((-8 * head) / HEADS)) * distance;

class PositionExplorer extends HTMLElement {
  connectedCallback() {
    if (!this.charts) this.build();
    for (const one of this.charts) one.connect();
  }

  disconnectedCallback() {
    for (const one of this.charts) one.disconnect();
  }

  build() {
    const change = () => this.update();
    const control = (label, min, max, value, say = String) => slider(label, { min, max, value, say, change });
    this.width = control("Width", 2, 7, 6, (step) => String(2 ** step));
    this.base = control("Base", 1, 6, 4, (step) => (10 ** step).toLocaleString("en"));
    this.ahead = control("Key ahead by", 0, 64, 16);
    this.head = control("ALiBi head", 1, HEADS, 4);
    this.distance = control("Distance", 0, FARTHEST, 16);
    const x = { from: 0, to: FARTHEST, ticks: [0, 32, 64, 96, 128].map((at) => [at, String(at)]) };
    const pick = (distance, event) => {
      if (event.pointerType !== "mouse" && event.buttons !== 1) return;
      this.distance.set(Math.round(distance));
      this.update();
    };
    const y = (...ticks) => ({
      from: ticks[0], to: ticks.at(-1), ticks: ticks.map((at) => [at, number(at, 0)]),
    });
    this.charts = [
      chart({ label: "Scores of sinusoids and of RoPE by distance", height: 150, x, y: y(-1, 0, 1), pick }),
      chart({ label: "The bias of each head of ALiBi by distance", height: 120, x, y: y(-64, -32, 0), pick }),
    ];
    this.summary = html("p");
    this.announcer = announcer();
    const legend = (...names) =>
      html("p", { class: "widget-legend" }, ...names.map(([look, name]) => html("span", {}, sample(look), name)));
    this.append(
      html("div", { class: "widget-grid" }, this.width.row, this.base.row, this.ahead.row, this.head.row),
      legend([0, "sinusoidal"], [1, "RoPE"]),
      this.charts[0].element,
      legend([2, "ALiBi, added to the score"]),
      this.charts[1].element,
      this.distance.row,
      html("div", { class: "widget-foot" }, this.summary),
      this.announcer.element,
    );
    this.draw();
  }

  update() {
    this.announcer.say(this.draw());
  }

  /** Draw all anew; what there is to say of it is returned. */
  draw() {
    const [width, base] = [2 ** this.width.input.valueAsNumber, 10 ** this.base.input.valueAsNumber];
    const [ahead, head, distance] = [this.ahead, this.head, this.distance].map(({ input }) => input.valueAsNumber);
    const line = (look, score) =>
      ({ look, at: score(distance), points: DISTANCES.map((at) => [at, score(at)]) });
    const lines = [
      line(0, (at) => sinusoidalScore(at, width, base)),
      line(1, (at) => rotaryScore(at, width, base, ahead)),
      line(2, (at) => alibiBias(at, head)),
    ];
    const others = Array.from({ length: HEADS }, (_, i) => ({
      look: "faint", points: [[0, 0], [FARTHEST, alibiBias(FARTHEST, i + 1)]],
    }));
    this.charts[0].draw(lines.slice(0, 2), distance);
    this.charts[1].draw([...others, lines[2]], distance);
    const [sinusoid, rope, alibi] = lines.map(({ at }) => number(at, 2));
    const said = `At distance ${distance}: sinusoidal ${sinusoid}, RoPE ${rope}, ALiBi ${alibi}.`;
    this.summary.textContent = said;
    return said;
  }
}

customElements.define("position-explorer", PositionExplorer);
