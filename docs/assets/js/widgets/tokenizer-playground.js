// Byte-pair encoding of any text, merge by merge, with the tokenizer that the page trains.
import { announcer, button, html, slider } from "./dom.js";

const TEXT = "Can Squatch bring pizza?";
const LONGEST = 200; // characters
const PAUSE = 900; // ms between merges, while they play
const response = await fetch(new URL("tokenizer-playground.json", import.meta.url));
const { pattern, merges } = await response.json();
const RANKS = new Map(merges.map((pair, rank) => [pair.join(), rank]));

// What Python's pattern calls white space, \s, is \p{White_Space} here.
const CHUNK = new RegExp(
  pattern.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"),
  "gu",
);
// In GPT-2's order the bytes with a visible Latin-1 character come first.
const utf8 = (text) => new TextEncoder().encode(text);
const visible = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
const ALL = Array.from({ length: 256 }, (_, byte) => byte);
const BYTES = [...ALL.filter(visible), ...ALL.filter((byte) => !visible(byte))];

/** Write token 256 + rank wherever its pair stands; a token keeps the two parts it was made of. */
const merge = (tokens, rank) => {
  const [left, right] = merges[rank];
  const merged = [];
  for (const token of tokens)
    if (merged.at(-1)?.id === left && token.id === right)
      merged.push({ id: 256 + rank, parts: [merged.pop(), token] });
    else merged.push(token);
  return merged;
};

/** Cut a text into chunks, and replay on each the merges up to rank `last`; tells which it used. */
export const replay = (text, last = merges.length - 1) => {
  const used = new Set();
  const chunks = (text.match(CHUNK) ?? []).map((chunk) => {
    let tokens = Array.from(utf8(chunk), (byte) => ({ id: BYTES.indexOf(byte) }));
    for (;;) {
      const pairs = tokens.slice(1).map(({ id }, i) => `${tokens[i].id},${id}`);
      const ranks = pairs.map((pair) => RANKS.get(pair) ?? Infinity);
      const rank = Math.min(...ranks);
      if (rank > last) return tokens;
      used.add(rank);
      tokens = merge(tokens, rank);
    }
  });
  return { chunks, used: [...used].sort((a, b) => a - b) };
};

/** The ids of a text, by the merges up to rank `last`. */
export const encode = (text, last) => replay(text, last).chunks.flat().map(({ id }) => id);

// How a token is written: a space as ␣, and what is no character of its own as bytes.
const bytesOf = (id) => (id < 256 ? [BYTES[id]] : merges[id - 256].flatMap(bytesOf));
const spell = (id) => {
  const bytes = bytesOf(id);
  const text = new TextDecoder().decode(Uint8Array.from(bytes)).replaceAll(" ", "␣");
  if (/^[\p{L}\p{N}\p{P}\p{S}]+$/u.test(text) && !text.includes("\ufffd")) return text;
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
};
const aloud = (id) => spell(id).replaceAll("␣", "space ");
const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

class TokenizerPlayground extends HTMLElement {
  connectedCallback() {
    if (!this.slider) this.build();
  }

  disconnectedCallback() {
    this.pause();
  }

  build() {
    const asTyped = { spellcheck: "false", autocapitalize: "off", autocomplete: "off" };
    const size = { maxlength: LONGEST, rows: 2 };
    this.text = html("textarea", { ...size, ...asTyped, oninput: () => this.read() }, TEXT);
    this.used = [];
    this.slider = slider("Merges", {
      min: 0,
      max: 0,
      value: 0,
      say: (step) => `${step} of ${this.used.length}`,
      change: (step) => this.go(step),
    });
    this.play = button("Play", () => (this.timer ? this.pause() : this.start()));
    this.back = button("Back", () => this.go(this.step - 1));
    this.next = button("Next", () => this.go(this.step + 1));
    this.told = html("p");
    this.list = html("div", { role: "list" });
    const scrolls = { role: "group", "aria-label": "Tokens", tabindex: 0 };
    this.announcer = announcer();
    this.append(
      html("label", { class: "widget-field" }, html("span", {}, "Text"), this.text),
      this.slider.row,
      html("div", { class: "widget-buttons" }, this.back, this.next, this.play),
      this.told,
      html("div", { class: "bpe-tokens", ...scrolls }, this.list),
      this.announcer.element,
    );
    this.readQuietly();
  }

  /** A new text: all its merges are done. */
  readQuietly() {
    this.pause();
    this.used = replay(this.text.value).used;
    this.slider.input.max = this.used.length;
    this.step = this.used.length;
    this.draw();
  }

  read() {
    this.readQuietly();
    this.announcer.say(this.describe(aloud));
  }

  go(step) {
    this.pause();
    this.show(step);
    this.announcer.say(this.describe(aloud));
  }

  show(step) {
    this.step = Math.min(Math.max(step, 0), this.used.length);
    this.draw();
  }

  start() {
    if (this.step === this.used.length) this.show(0);
    this.timer = setInterval(() => {
      this.show(this.step + 1);
      if (this.step === this.used.length) this.pause();
    }, PAUSE);
    this.play.textContent = "Pause";
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.play) this.play.textContent = "Play";
  }

  /** What the last merge did, in words. */
  describe(write) {
    const size = `${count(this.chunks.flat().length, "token")} for ${count(this.bytes, "byte")}`;
    if (!this.step) return `Bytes, no merge yet: ${size}.`;
    const rank = this.used[this.step - 1];
    const [left, right] = merges[rank].map(write);
    return `${left} + ${right} = ${256 + rank}: ${size}.`;
  }

  draw() {
    const last = this.step ? this.used[this.step - 1] : -1;
    this.chunks = replay(this.text.value, last).chunks;
    this.bytes = utf8(this.text.value).length;
    this.slider.set(this.step);
    this.back.ariaDisabled = String(this.step === 0);
    this.next.ariaDisabled = String(this.step === this.used.length);
    this.told.textContent = this.describe(spell);
    const tokens = this.chunks.flatMap((chunk) =>
      chunk.map((token, i) => ({ token, first: i === 0, fresh: token.id === 256 + last })));
    this.list.replaceChildren(...tokens.map((one, i) => this.item(one, i % 4)));
  }

  item({ token, first, fresh }, look) {
    const kinds = ["bpe-token", `look-${look}`, first && "bpe-first", fresh && "bpe-new"];
    return html("div", { role: "listitem", class: kinds.filter(Boolean).join(" ") },
      html("span", { class: "widget-unseen" }, `${aloud(token.id)}, ${token.id}`),
      this.tree(token));
  }

  /** A token above the parts that it was made of. */
  tree({ id, parts }) {
    const below = parts
      ? html("span", { class: "bpe-parts" }, ...parts.map((part) => this.tree(part)))
      : spell(id);
    return html("span", { class: "bpe-node", "aria-hidden": "true" },
      html("span", { class: "bpe-id" }, id), below);
  }
}

customElements.define("tokenizer-playground", TokenizerPlayground);
