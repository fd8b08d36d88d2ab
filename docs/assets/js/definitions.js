// A term's definition in a box beside it: while the pointer is on either, while the term has the
// focus, or after a first tap; Escape hides it. Without this script the browser shows it as a title.

const box = document.createElement("div");
Object.assign(box, { id: "definition", className: "definition md-typeset", hidden: true });
box.setAttribute("role", "tooltip");
document.body.append(box);
let shown = null;
let later;
const hide = () => {
  clearTimeout(later);
  shown?.removeAttribute("aria-describedby");
  shown = null;
  box.hidden = true;
};
const show = (term) => {
  if (term === shown) return clearTimeout(later);
  hide();
  shown = term;
  term.dataset.definition ??= term.title;
  term.removeAttribute("title");
  term.setAttribute("aria-describedby", box.id);
  box.textContent = term.dataset.definition;
  box.hidden = false;
  const line = term.getClientRects()[0];
  const left = Math.min(line.left, document.documentElement.clientWidth - box.offsetWidth - 8);
  box.style.left = `${Math.max(8, left) + scrollX}px`;
  box.style.top = `${line.bottom + scrollY + 4}px`;
};
const term = (event) => event.target.closest?.("a.term");
document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  if (term(event)) show(term(event));
  else if (box.contains(event.target)) clearTimeout(later);
  else if (shown && shown !== document.activeElement) later = setTimeout(hide, 200);
});
document.addEventListener("focusin", (event) => (term(event) ? show(term(event)) : hide()));
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
let before = null; // what was shown when a finger came down
document.addEventListener("pointerdown", (event) => {
  before = shown;
  if (!term(event) && !box.contains(event.target)) hide();
});
document.addEventListener("click", (event) => {
  if (event.pointerType !== "touch" || !term(event) || term(event) === before) return;
  event.preventDefault();
  show(term(event));
});
