// What a score sees of the distance between query and key: sinusoids, RoPE, ALiBi.
import { chart, sample } from "./chart.js";
import { announcer, html, number, slider } from "./dom.js";
import { dot } from "./numbers.js";

const FARTHEST = 128;
const HEADS = 8;
const DISTANCES = Array.from({ length: FARTHEST + 1 }, (_, distance) => distance);
const frequencies = (width, base) =>
  Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));

/** The vector of a position: the sine and cosine of each hand's angle. */
const sinusoidal = (position, hands) =>
  hands.flatMap((hand) => [Math.sin(position * hand), Math.cos(position * hand)]);

/** A vector whose neighbours are pairs, each turned to a position. */
const rotary = (x, position, hands) =>
  hands.flatMap((hand, i) => {
    const [cos, sin] = [Math.cos(position * hand), Math.sin(position * hand)];
    const [a, b] = [x[2 * i], x[2 * i + 1]];
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

const ticks = (...values) => values.map((value) => [value, number(value, 0)]);
const legend = (...names) => {
  const items = names.map(([look, name]) => html("span", {}, sample(look), name));
  return html("p", { class: "widget-legend" }, ...items);
};

class PositionExplorer extends HTMLElement {
  connectedCallback() {
    if (!this.charts) this.build();
    for (const one of this.charts) one.connect();
  }

  disconnectedCallback() {
    for (const one of this.charts) one.disconnect();
  }

  build() {
    const control = (label, min, max, value, say = String) =>
      slider(label, { min, max, value, say, change: () => this.update() });
    this.width = control("Width", 2, 7, 6, (power) => String(2 ** power));
    this.base = control("Base", 1, 6, 4, (power) => (10 ** power).toLocaleString("en"));
    this.ahead = control("Key ahead by", 0, 64, 16);
    this.head = control("ALiBi head", 1, HEADS, 4);
    this.distance = control("Distance", 0, FARTHEST, 16);
    const over = (label, height, from, middle, to) => chart({
      label,
      height,
      x: { from: 0, to: FARTHEST, ticks: ticks(0, 32, 64, 96, 128) },
      y: { from, to, ticks: ticks(from, middle, to) },
      hover: true,
      pick: (distance) => {
        this.distance.set(Math.round(distance));
        this.update();
      },
    });
    this.charts = [
      over("Scores of sinusoids and of RoPE by distance", 150, -1, 0, 1),
      over("What ALiBi's heads add, by distance", 120, -64, -32, 0),
    ];
    this.summary = html("p");
    this.announcer = announcer();
    const controls = [this.width, this.base, this.ahead, this.head].map(({ row }) => row);
    this.append(
      html("div", { class: "widget-grid" }, ...controls),
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
    const [width, base, ahead, head, distance] =
      [this.width, this.base, this.ahead, this.head, this.distance]
        .map(({ input }) => input.valueAsNumber);
    const line = (look, score) =>
      ({ look, at: score(distance), points: DISTANCES.map((at) => [at, score(at)]) });
    const sinusoid = line(0, (at) => sinusoidalScore(at, 2 ** width, 10 ** base));
    const rope = line(1, (at) => rotaryScore(at, 2 ** width, 10 ** base, ahead));
    const alibi = line(2, (at) => alibiBias(at, head));
    const heads = Array.from({ length: HEADS }, (_, i) =>
      ({ look: "faint", points: [[0, 0], [FARTHEST, alibiBias(FARTHEST, i + 1)]] }));
    this.charts[0].draw([sinusoid, rope], distance);
    this.charts[1].draw([...heads, alibi], distance);
    const scores = `sinusoidal ${number(sinusoid.at, 2)}, RoPE ${number(rope.at, 2)}`;
    const said = `At distance ${distance}: ${scores}, ALiBi ${number(alibi.at, 2)}.`;
    this.summary.textContent = said;
    return said;
  }
}

customElements.define("position-explorer", PositionExplorer);
