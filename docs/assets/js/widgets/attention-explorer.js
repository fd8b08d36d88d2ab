// Where each word of a sentence looks, in each head of the pizza encoder, and what it says "it" means.
// The first sentence comes with what the model makes of it; the weights come once a reader changes it.
import { announcer, button, html, number, svg } from "./dom.js";
import { makeEncoder, readTensors } from "./encoder.js";
import { softmax } from "./numbers.js";

const beside = (name) => fetch(new URL(name, import.meta.url));
const { vocabulary, heads, kinds, scenes, endings, first } = await (await beside("attention-explorer.json")).json();
const PRONOUNS = ["it", "they"];
const FIRST = { layer: 3, head: 1 }; // the head that finds the noun
const GUESSES = 3;
const FAINT = 0.02; // a weight that a map leaves out

let loaded;
/** The encoder, fetched once; a fetch that failed may be tried again. */
const encoder = () => (loaded ??= fetchEncoder().catch((error) => {
  loaded = null;
  throw error;
}));
const fetchEncoder = async () => {
  const response = await beside("attention-explorer.safetensors");
  if (!response.ok) throw new Error(`expected the weights, got ${response.status}`);
  return makeEncoder(readTensors(await response.arrayBuffer()), heads);
};

const askedOf = (words) => words.findIndex((word) => PRONOUNS.includes(word));
/** The likeliest words for what is asked, each with its chance. */
const guess = (logits) =>
  softmax(logits)
    .map((chance, id) => [vocabulary[id], chance])
    .sort(([, a], [, b]) => b - a)
    .slice(0, GUESSES);

/** What the model makes of a sentence: where all look, and its guesses if something is asked. */
export const read = async (words) => {
  const { logits, maps } = (await encoder())(words.map((word) => vocabulary.indexOf(word)));
  const asked = askedOf(words);
  return { logits, maps, guesses: asked < 0 ? [] : guess(logits[asked]) };
};

const shown = (value) => number(value, 2);
const options = (words) => words.map((word) => html("option", { value: word }, word));
const own = () => html("option", { value: "", hidden: "" }, "your own");
const field = (label, select) => html("label", { class: "attention-field" }, html("span", {}, label), select);
/** One choice of several: the browser's own radio button, over all that it stands for. */
const choice = (group, name, choose, ...content) => {
  const named = name ? { "aria-label": name } : {}; // else what it stands for is its name
  const input = html("input", { type: "radio", name: `attention-${group}`, onchange: choose, ...named });
  return { input, label: html("label", { class: `attention-${group}` }, input, ...content) };
};

class AttentionExplorer extends HTMLElement {
  connectedCallback() {
    if (!this.tokens) this.build();
  }

  build() {
    this.scene = html("select", { onchange: () => this.begin(this.scene.value) }, own(), ...options(scenes));
    this.ending = html("select", { onchange: () => this.end(this.ending.value) }, own(), ...options(endings));
    this.word = html("select", { onchange: () => this.exchange(this.word.value) },
      ...kinds.map(({ name, words }) => html("optgroup", { label: name }, ...options(words))));
    this.exchanged = html("span");
    this.tokens = html("fieldset", { class: "attention-tokens" });
    this.answer = html("p", { class: "attention-answer" });
    this.guesses = html("table", { class: "attention-guesses", "aria-label": "Its guesses" });
    this.told = html("p", { class: "attention-told" });
    this.announcer = announcer();
    const compose = html("div", { class: "attention-compose" },
      field("Beginning", this.scene),
      field("Ending", this.ending),
      html("label", { class: "attention-field" }, this.exchanged, this.word));
    for (const event of ["pointerdown", "focusin"]) // the weights come while the reader chooses
      compose.addEventListener(event, () => encoder().catch(() => {}));
    this.append(
      compose,
      this.tokens,
      html("div", { class: "attention-body" },
        this.grid(),
        html("div", { class: "attention-findings" },
          this.answer, this.guesses, this.told, button("Reset", () => this.reset()))),
      this.announcer.element,
    );
    this.reset();
  }

  /** All heads, a row for each layer, each a small map to choose. */
  grid() {
    this.maps = first.maps.map((layer, l) =>
      layer.map((_, h) => {
        const map = svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
        return { map, ...choice("map", `Layer ${l + 1}, head ${h + 1}`, () => this.choose({ layer: l, head: h }), map) };
      }));
    const corner = (text) => html("span", { "aria-hidden": "true" }, text);
    return html("fieldset", { class: "attention-maps" },
      html("legend", { class: "widget-unseen" }, "Layer and head"),
      corner(""), ...this.maps[0].map((_, h) => corner(`head ${h + 1}`)),
      ...this.maps.flatMap((layer, l) => [corner(`layer ${l + 1}`), ...layer.map(({ label }) => label)]));
  }

  reset() {
    this.parts = [scenes[0].split(" "), ["it"], endings[0].split(" ")];
    this.looker = askedOf(this.parts.flat());
    Object.assign(this, FIRST);
    this.become(this.parts, first);
  }

  begin(scene) {
    this.say([scene.split(" "), ...this.wanted.slice(1)]);
  }

  end(ending) {
    const [start, pronoun] = this.wanted;
    this.say([start, pronoun, this.agree(pronoun, ending.split(" "))]);
  }

  /** An ending, in the number of the pronoun. */
  agree([pronoun], [verb, ...rest]) {
    return [{ "it were": "was", "they was": "were" }[`${pronoun} ${verb}`] ?? verb, ...rest];
  }

  /** Another word in the place of the one that looks. */
  exchange(word) {
    let place = this.looker;
    const [start, pronoun, end] = this.wanted.map((part) => part.map((old) => (place-- === 0 ? word : old)));
    this.say([start, pronoun, pronoun[0] === this.wanted[1][0] ? end : this.agree(pronoun, end)]);
  }

  /** A sentence, in three parts: beginning, pronoun, ending. */
  async say(parts) {
    this.wanted = parts;
    this.told.textContent = "The model comes …";
    try {
      const result = await read(parts.flat());
      if (this.wanted !== parts) return; // the reader was faster
      this.become(parts, result);
      this.announcer.say(`${this.answer.textContent}. ${this.told.textContent}`);
    } catch {
      this.become(this.parts, this.result);
      this.told.textContent = "The model did not come. Choose again once you are online.";
      this.announcer.say(this.told.textContent);
    }
  }

  /** A sentence and what the model makes of it; the word that looked goes on, in its new place. */
  become(parts, result) {
    const after = this.looker - this.parts[0].length;
    const words = parts.flat();
    const looker = after < 0 ? Math.min(this.looker, parts[0].length) : parts[0].length + after;
    const focused = this.tokens.contains(document.activeElement);
    Object.assign(this, { parts, words, result, wanted: parts, hovered: null });
    this.looker = Math.min(looker, words.length - 1);
    this.drawSentence();
    if (focused) this.choices[this.looker].input.focus();
  }

  choose(change) {
    Object.assign(this, change);
    this.drawLook();
    this.announcer.say(this.told.textContent);
  }

  /** All that changes with the sentence. */
  drawSentence() {
    const { words, result: { guesses, maps } } = this;
    this.choices = words.map((word, t) => {
      const weight = html("span", { class: "attention-weight", "aria-hidden": "true" });
      const token = choice("token", null, () => this.choose({ looker: t, hovered: null }), word, weight);
      token.label.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.hover(t));
      token.label.addEventListener("pointerleave", () => this.hover(null));
      return { ...token, weight };
    });
    this.tokens.replaceChildren(
      html("legend", { class: "widget-unseen" }, "The word that looks"), ...this.choices.map(({ label }) => label));
    const [start, pronoun, end] = this.parts;
    this.scene.value = scenes.find((scene) => scene === start.join(" ")) ?? "";
    this.ending.value = endings.find((ending) => this.agree(pronoun, ending.split(" ")).join() === end.join()) ?? "";

    const asked = words[askedOf(words)];
    this.answer.replaceChildren(...(guesses.length
      ? [html("strong", {}, `${asked} = ${guesses[0][0]}`), ` (${shown(guesses[0][1])})`]
      : ["Without “it” or “they”, nothing is asked"]));
    this.guesses.replaceChildren(...guesses.map(([word, chance]) => {
      const bar = html("div", { class: "widget-bar look-0" });
      bar.style.width = `${100 * chance}%`;
      return html("tr", {}, html("th", { scope: "row" }, word), html("td", {}, bar),
        html("td", { class: "widget-value" }, shown(chance)));
    }));
    this.maps.forEach((layer, l) => layer.forEach(({ map }, h) => this.drawMap(map, maps[l][h])));
    this.drawLook();
  }

  hover(t) {
    this.hovered = t;
    this.drawLook();
  }

  /** All that changes with the word that looks, the layer and the head. */
  drawLook() {
    const { words } = this;
    const looker = this.hovered ?? this.looker;
    const weights = this.result.maps[this.layer][this.head][looker];
    this.choices.forEach(({ input, label, weight }, t) => {
      input.checked = t === this.looker;
      label.classList.toggle("attention-looks", t === looker);
      label.style.setProperty("--weight", `${100 * weights[t]}%`);
      weight.textContent = shown(weights[t]);
    });
    this.maps.forEach((layer, l) => layer.forEach(({ input, map }, h) => {
      input.checked = l === this.layer && h === this.head;
      map.lastChild.setAttribute("y", looker);
    }));
    this.told.textContent = `Layer ${this.layer + 1}, head ${this.head + 1}: ${this.describe(words, looker, weights)}`;
    this.exchanged.textContent = `Exchange “${words[this.looker]}” for`;
    this.word.value = words[this.looker];
  }

  /** A cell for each weight, and a frame for the row of the word that looks. */
  drawMap(map, rows) {
    const T = rows.length;
    map.setAttribute("viewBox", `0 0 ${T} ${T}`);
    map.replaceChildren(
      ...rows.flatMap((row, y) => row.flatMap((weight, x) =>
        weight < FAINT ? [] : [svg("rect", { x, y, width: 1, height: 1, "fill-opacity": weight.toFixed(3) })])),
      svg("rect", { class: "attention-row", width: T, height: 1 }));
  }

  /** Where a word looks most, in words; of words that stand twice, the place too. */
  describe(words, looker, weights) {
    const name = (t) => (words.indexOf(words[t]) === words.lastIndexOf(words[t]) ? words[t] : `${words[t]}, word ${t + 1}`);
    const most = weights.map((weight, t) => [weight, t]).sort(([a], [b]) => b - a)
      .filter(([weight], i) => !i || weight >= 0.05).slice(0, 3)
      .map(([weight, t]) => `${t === looker ? "itself" : name(t)} (${shown(weight)})`);
    return `“${words[looker]}” looks most at ${most.join(", then ")}.`;
  }
}

customElements.define("attention-explorer", AttentionExplorer);
