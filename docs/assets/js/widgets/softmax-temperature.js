// Scores and a temperature become probabilities.
import { chart, sample } from "./chart.js";
import { announcer, button, html, number, slider } from "./dom.js";
import { entropy, softmax } from "./numbers.js";

const WORDS = [["pizza", 2], ["ovens", 1], ["Squatch", -2]]; // as on the page
const STEPS = { from: -26, to: 34 }; // twentieths of a power of ten: 0.05 to 50
const LARGEST = 20; // what a score may be, up or down

/** The temperature of a step of the slider, in two digits. */
export const temperatureAt = (step) => Number((10 ** (step / 20)).toPrecision(2));
const ALL = Array.from({ length: STEPS.to - STEPS.from + 1 }, (_, i) => STEPS.from + i);
const said = (step) => String(temperatureAt(step));

/** What is shown of some scores at a temperature; the last share is that of the largest entropy. */
export const describe = (scores, temperature) => {
  const probabilities = softmax(scores, temperature);
  const nats = entropy(probabilities);
  const shares = [...probabilities, nats / Math.log(scores.length)];
  return { shares, entropy: nats, choices: Math.exp(nats) };
};

/** The two cells of a row that show a share: a bar and a number. */
const share = (look) => {
  const bar = html("div", { class: `widget-bar look-${look}` });
  const shown = html("td", { class: "widget-value" });
  const show = (value) => {
    bar.style.width = `${100 * value}%`;
    shown.textContent = number(value, 3);
  };
  return { cells: [html("td", { class: "widget-track" }, bar), shown], show };
};

class SoftmaxTemperature extends HTMLElement {
  connectedCallback() {
    if (!this.chart) this.build();
    this.chart.connect();
  }

  disconnectedCallback() {
    this.chart.disconnect();
  }

  build() {
    this.rows = WORDS.map(([word, score], look) => this.row(word, score, look));
    this.slider = slider("Temperature", {
      min: STEPS.from, max: STEPS.to, value: 0, say: said, change: () => this.update(),
    });
    this.chart = chart({
      label: "The probability of each word at each temperature",
      height: 170,
      x: { ...STEPS, ticks: [[-20, "0.1"], [0, "1"], [20, "10"]] },
      y: { from: 0, to: 1, ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]] },
      pick: (step) => {
        this.slider.set(Math.round(step));
        this.update();
      },
    });
    this.summary = html("p");
    this.announcer = announcer();
    this.open = this.openness();
    const heads = ["Word", "Score", "Share"].map((text) => html("th", { scope: "col" }, text));
    this.append(
      html("table", { class: "widget-table" },
        html("thead", {}, html("tr", {}, ...heads, html("td"))),
        html("tbody", {}, ...this.rows.map(({ row }) => row), this.open.row)),
      this.chart.element,
      this.slider.row,
      html("div", { class: "widget-foot" }, this.summary, button("Reset", () => this.reset())),
      this.announcer.element,
    );
    this.draw();
  }

  row(word, score, look) {
    const limits = { min: -LARGEST, max: LARGEST, step: 0.5, value: score };
    const input = html("input", { type: "number", ...limits, "aria-label": `Score of ${word}` });
    input.addEventListener("input", () => this.update());
    const { cells, show } = share(look);
    const name = html("th", { scope: "row" }, sample(look), word);
    const row = html("tr", {}, name, html("td", {}, input), ...cells);
    return { word, row, input, show, score };
  }

  openness() {
    const { cells, show } = share(WORDS.length);
    const words = `entropy / ln ${WORDS.length}`;
    const name = html("th", { scope: "row", colspan: 2 }, sample(WORDS.length), words);
    return { row: html("tr", {}, name, ...cells), show };
  }

  update() {
    this.announcer.say(this.draw());
  }

  /** Draw all anew; what there is to say of it is returned. */
  draw() {
    for (const row of this.rows) {
      const score = row.input.valueAsNumber;
      const valid = Math.abs(score) <= LARGEST; // an empty field is NaN: the last score stays
      row.input.ariaInvalid = valid ? null : "true";
      if (valid) row.score = score;
    }
    const scores = this.rows.map(({ score }) => score);
    const step = this.slider.input.valueAsNumber;
    const { shares, entropy: nats, choices } = describe(scores, temperatureAt(step));
    [...this.rows, this.open].forEach(({ show }, i) => show(shares[i]));
    const curves = ALL.map((at) => describe(scores, 10 ** (at / 20)).shares);
    const lines = shares.map((now, look) =>
      ({ look, at: now, points: ALL.map((at, i) => [at, curves[i][look]]) }));
    this.chart.draw(lines, step);
    const equal = `a choice between ${number(choices, 2)} equal words`;
    const open = `entropy ${number(nats, 3)}, as open as ${equal}.`;
    this.summary.textContent = `E${open.slice(1)}`;
    const words = this.rows.map(({ word }, i) => `${word} ${number(shares[i], 3)}`).join(", ");
    return `Temperature ${said(step)}: ${words}; ${open}`;
  }

  reset() {
    this.rows.forEach(({ input }, i) => (input.value = WORDS[i][1]));
    this.slider.set(0);
    this.update();
  }
}

customElements.define("softmax-temperature", SoftmaxTemperature);
