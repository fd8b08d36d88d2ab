// What `walk.py` asks of a page: which elements a keyboard must reach, and whether one shows focus.

{
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
  const numbers = new Map();
  const number = (element) => {
    if (!numbers.has(element)) numbers.set(element, numbers.size);
    return numbers.get(element);
  };
  const name = (element) =>
    element.cloneNode().outerHTML.replace(/<\/.*/, "").slice(0, 90) +
    element.textContent.trim().slice(0, 30);

  // A radio button is reached through the one that is chosen.
  const reachable = (element) =>
    element.tabIndex >= 0 && !element.disabled && !element.closest("[inert], [hidden]") &&
    element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0 &&
    !(element.type === "radio" && !element.checked);
  const expected = () =>
    [...document.querySelectorAll(FOCUSABLE)].filter(reachable)
      .map((element) => [number(element), name(element)]);

  // How an element looks, with what may show its focus for it: its label, what it is part of.
  const LOOK = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "backgroundColor",
    "color", "borderColor", "textDecorationLine", "opacity", "width"];
  const look = (element) =>
    [element, ...(element.labels ?? []), element.nextElementSibling, element.parentElement,
      element.closest("form")].filter(Boolean)
      .map((part) => LOOK.map((key) => getComputedStyle(part)[key]).join()).join();
  const still = new CSSStyleSheet();
  still.replaceSync("* { transition: none !important }");
  const focused = () => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const found = { number: number(element), name: name(element), problems: [] };
    document.adoptedStyleSheets = [still];
    const shown = look(element);
    const box = element.getBoundingClientRect();
    const middle = [box.x + box.width / 2, box.y + Math.min(box.height, innerHeight) / 2];
    const above = document.elementFromPoint(...middle);
    const header = document.querySelector("header");
    if (box.bottom <= 0 || box.top >= innerHeight) found.problems.push("is outside the window");
    else if (header?.contains(above) && !header.contains(element))
      found.problems.push("is below the header");
    element.blur();
    if (look(element) === shown) found.problems.push("does not show that it has the focus");
    element.focus({ preventScroll: true, focusVisible: true });
    return found;
  };

  globalThis.walk = { expected, focused };
}
