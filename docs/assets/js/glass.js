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
