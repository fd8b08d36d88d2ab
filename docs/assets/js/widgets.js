// Widgets. On a page a widget is a block, <div class="widget" data-widget="NAME" markdown>, around
// a still figure. Pages that have one load their style and widgets/NAME.js, which defines the
// element NAME; it comes into the block, where glass.css lets it take the figure's place.

let styled; // once, whatever page is next
const style = () =>
  (styled ??= new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("../css/widgets.css", import.meta.url);
    link.onload = link.onerror = resolve;
    document.body.append(link);
  }));

const load = async (block) => {
  const name = block.dataset.widget;
  await Promise.all([import(`./widgets/${name}.js`), style()]);
  if (!block.isConnected || block.querySelector(":scope > .live")) return;
  const element = document.createElement(name);
  element.className = "live";
  block.append(element);
};
const start = () => document.querySelectorAll(".widget[data-widget]").forEach(load);

// With instant navigation, the builder's document$ tells of each page; a page as such is told once.
if (window.document$) window.document$.subscribe(start);
else start();
