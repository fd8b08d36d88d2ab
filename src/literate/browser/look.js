// What `look.py` asks of a page, in the page. Put into it before its own scripts run.

{
  let shifted = 0;
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value } of list.getEntries()) if (!hadRecentInput) shifted += value;
  }).observe({ type: "layout-shift", buffered: true });
  // The worker that keeps pages for later would take time from the page that is looked at.
  if (navigator.serviceWorker) navigator.serviceWorker.register = () => new Promise(() => {});

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const frame = () => new Promise(requestAnimationFrame);

  // By how much the page moved while it loaded, and whether it has formulas.
  const settle = async () => {
    await document.fonts.ready;
    await pause(100);
    return { shift: shifted, maths: document.querySelector("math") !== null };
  };

  // Tabs are laid out one below the other; folds are opened; then the page's own scripts settle.
  const open = async () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(".tabbed-block { display: block !important }");
    document.adoptedStyleSheets.push(sheet);
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    await document.fonts.ready;
    for (let frames = 0; frames < 3; frames++) await frame();
  };

  // What is wrong with what the page draws, one sentence each.
  const drawn = (dark) => {
    const found = [];
    const scheme = document.body.dataset.mdColorScheme;
    const expected = dark ? "slate" : "default";
    if (scheme && scheme !== expected)
      found.push(`shows the colours "${scheme}", not "${expected}"`);

    const excess = document.documentElement.scrollWidth - innerWidth;
    if (excess > 0) {
      const wide = [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => element.outerHTML.slice(0, 60)).at(-1);
      found.push(`scrolls sideways by ${excess} px: ${wide}`);
    }

    const styles = getComputedStyle(document.body);
    for (const drawn of document.querySelectorAll("svg.figure, article img, math")) {
      if (drawn.closest(".widget:has(> .live)")) continue; // its widget has taken its place
      const name = drawn.querySelector("title")?.textContent ?? drawn.alt ?? drawn.textContent;
      const what = `${drawn.localName} "${name.trim().slice(0, 60)}"`;
      const box = drawn.getBoundingClientRect();
      if (!(box.width > 0 && box.height > 0 && drawn.checkVisibility({ visibilityProperty: true })))
        found.push(`${what} does not show: ${box.width} by ${box.height} px`);
      if (drawn.localName === "img" && drawn.complete && drawn.naturalWidth === 0)
        found.push(`${what} did not load`);
      if (drawn.localName !== "svg") continue;
      const content = drawn.getBBox();
      if (!(content.width > 0 && content.height > 0)) found.push(`${what} is empty`);
      for (const [, variable] of drawn.outerHTML.matchAll(/var\((--[\w-]+)\)/g))
        if (!styles.getPropertyValue(variable)) found.push(`${what} uses ${variable}: not set`);
      for (const text of drawn.querySelectorAll("text")) {
        const { a, b, c, d } = text.getScreenCTM();
        const scale = Math.sqrt(Math.abs(a * d - b * c));
        const size = scale * parseFloat(getComputedStyle(text).fontSize);
        if (size < 8)
          found.push(`${what}: "${text.textContent}" is ${size.toFixed(1)} px, below 8`);
      }
    }
    return [...new Set(found)];
  };

  const hash = (text) => {
    let [low, high] = [0xdeadbeef, 0x41c6ce57];
    for (let index = 0; index < text.length; index++) {
      low = Math.imul(low ^ text.charCodeAt(index), 2654435761);
      high = Math.imul(high ^ text.charCodeAt(index), 1597334677);
    }
    return (low >>> 0).toString(36) + (high >>> 0).toString(36);
  };

  // Run axe: all rules but contrast on the whole page, contrast on text of a look that has been
  // seen less than five times (in `seen`, from page to page). A look is the way from the root to
  // the element: each one's name, classes, colours, opacity and size of font. Five, because axe
  // passes over some: single characters, or what lies under a button. Tokens of code that need no
  // check become plain text: they are most of a page's elements.
  const axes = async (rules, seen) => {
    const looks = new Map([[null, ""]]);
    const look = (element) => {
      if (!looks.has(element)) {
        const style = getComputedStyle(element);
        const { color, backgroundColor, backgroundImage, opacity, fontSize, fontWeight } = style;
        const own = [color, backgroundColor, backgroundImage, opacity, fontSize, fontWeight];
        const path = [look(element.parentElement), element.localName, element.className];
        looks.set(element, hash([...path, ...own].join()));
      }
      return looks.get(element);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (texts.currentNode.data.trim().length < 2) continue;
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      const seenBefore = seen[look(element)] ?? 0;
      if (seenBefore === 5) continue;
      seen[look(element)] = seenBefore + 1;
      element.dataset.look = "new";
    }
    for (const token of document.querySelectorAll("pre span[class]:not([id], [data-look])"))
      if (!token.querySelector("[data-look]")) token.replaceWith(...token.childNodes);
    axe.configure({ rules: [{ id: "color-contrast", selector: "[data-look]" }] });
    const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    const found = violations.map(({ id, help, nodes: [first, ...rest] }) =>
      `axe ${id}: ${help}: ${first.html.replace(' data-look="new"', "").slice(0, 80)}` +
      (rest.length ? `, and ${rest.length} more` : ""));
    return { found, seen };
  };

  // What the copy buttons of Python put on the clipboard, one by one. The builder's script puts it
  // into a text field, and that on the clipboard.
  const copies = () => {
    const texts = [];
    document.execCommand = () => texts.push(document.querySelector("body > textarea").value);
    for (const button of document.querySelectorAll(".language-python [data-clipboard-target]"))
      button.click();
    return texts;
  };

  globalThis.look = { settle, open, drawn, axes, copies };
}
