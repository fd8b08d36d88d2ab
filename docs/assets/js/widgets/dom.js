// Elements, made without HTML in strings: what a reader typed stays text.

const NAMESPACE = "http://www.w3.org/2000/svg";
const complete = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  element.append(...children);
  return element;
};
export const html = (tag, attributes = {}, ...children) =>
  complete(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  complete(document.createElementNS(NAMESPACE, tag), attributes, children);

export const button = (label, press) =>
  html("button", { type: "button", class: "widget-button", onclick: press }, label);

// A number as it is read: with a minus sign that is as wide as a plus.
export const number = (value, digits) => value.toFixed(digits).replace("-", "−");

/** A labelled slider; `say` turns its number into the text that is shown and spoken. */
export const slider = (label, { min, max, step = 1, value, say, change }) => {
  const input = html("input", { type: "range", min, max, step, value });
  const shown = html("span", { class: "widget-value", "aria-hidden": "true" });
  const row = html("label", { class: "widget-slider" }, html("span", {}, label), shown, input);
  const set = (next) => {
    input.value = next;
    shown.textContent = say(input.valueAsNumber);
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.addEventListener("input", () => {
    set(input.value);
    change(input.valueAsNumber);
  });
  set(value);
  return { row, input, set };
};

/** What a screen reader is told, once the reader has paused. */
export const announcer = () => {
  const element = html("p", { class: "widget-unseen", role: "status" });
  let later;
  const say = (text) => {
    clearTimeout(later);
    later = setTimeout(() => (element.textContent = text), 600);
  };
  return { element, say };
};
