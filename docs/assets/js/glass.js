// What Material leaves out for people who use a keyboard or a screen reader. No page needs it to be read.

// Whatever scrolls sideways can be reached with the Tab key, and says what it is.
const SCROLLERS = { ".math-block": "Formula", ".md-typeset__scrollwrap": "Table" };
const watch = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth;
    if (scrolls) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
const prepare = () => {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const [selector, label] of Object.entries(SCROLLERS))
    for (const scroller of document.querySelectorAll(selector)) {
      scroller.setAttribute("role", "group");
      scroller.setAttribute("aria-label", label);
      watch.observe(scroller);
    }
  document.querySelectorAll(".md-code__nav").forEach((nav, index) =>
    nav.setAttribute("aria-label", `Code block ${index + 1}`));
};

// Material wraps tables and adds the copy buttons after the page has loaded.
prepare();
new MutationObserver(prepare).observe(document.querySelector("article") ?? document.body, {
  childList: true,
  subtree: true,
});

// Material opens the search or turns the page when a letter is pressed, which cannot be switched off:
// who dictates would leave the page by a word. So a character is for what has the focus alone.
addEventListener("keydown", (event) => {
  const character = event.key.length === 1 && event.key !== " ";
  if (character && !event.ctrlKey && !event.metaKey && !event.target.closest?.("input, textarea"))
    event.stopPropagation();
}, true);

// On small screens the menu and the search are behind buttons: the Tab key reaches those, and what
// they open only while it is open; the menu takes the focus, and Escape closes it.
const [drawer, query] = ["__drawer", "__search"].map((id) => document.getElementById(id));
const [narrow, small] = ["76.234375em", "59.984375em"].map((width) => matchMedia(`(max-width: ${width})`));
const buttons = { Menu: drawer, Search: query };
const button = (toggle) => document.querySelector(`.md-header__button[for=${toggle.id}]`);
const open = () => {
  for (const toggle of [drawer, query]) button(toggle).setAttribute("aria-expanded", toggle.checked);
  const sidebar = document.querySelector(".md-sidebar--primary");
  if (sidebar) sidebar.inert = narrow.matches && !drawer.checked;
  const field = document.querySelector(".md-search__input");
  if (field) field.tabIndex = query.checked || !small.matches ? 0 : -1;
};
if (drawer && query) {
  for (const [name, toggle] of Object.entries(buttons)) {
    const label = button(toggle);
    label.tabIndex = 0;
    label.setAttribute("role", "button");
    label.setAttribute("aria-label", name);
    label.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation(); // The builder's script would press it a second time.
      label.click();
    });
    toggle.addEventListener("change", open);
  }
  drawer.addEventListener("change", () => {
    const first = document.querySelector(".md-sidebar--primary :is(a[href], label[tabindex='0'])");
    if (drawer.checked) first?.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drawer.checked) return;
    drawer.click();
    button(drawer).focus();
  });
  for (const width of [narrow, small]) width.addEventListener("change", open);
  open();
}
