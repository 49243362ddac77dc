// A capture that runs, as a table: the latest packets, how many there are, and a button that ends it. No library, no build step, no
// network. It stands in every `<div data-nsmagic-packets="ID">` of the page, in the place of the static table, which is all that a
// notebook stores. All that comes from packets is set as text, never as markup.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function isDark(element) {
  const said = document.body.dataset.jpThemeLight;
  if (said) return said === "false";
  if (document.body.dataset.vscodeThemeKind) return document.body.dataset.vscodeThemeKind !== "vscode-light";
  for (let each = element; each; each = each.parentElement) {
    const color = getComputedStyle(each).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (color && (color.length < 4 || color[3] > 0.5)) return 0.3 * color[0] + 0.6 * color[1] + 0.1 * color[2] < 110;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

const kind = (column) => (column === "time" || column === "length" ? { class: "number" } : {});

function view(model, place) {
  const state = make("span", { class: "state", role: "status" });
  const stop = make("button", { type: "button" }, "Stop");
  const body = make("tbody", {});
  const head = make("thead", {});
  const scroll = make("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "packets" }, make("table", {}, head, body));
  const root = make("div", { class: "nsmagic-packets" }, make("div", { class: "bar" }, state, stop), scroll);
  const theme = () => { root.dataset.theme = isDark(place) ? "dark" : "light"; };
  const themes = new MutationObserver(theme); // JupyterLab says which it is at the body
  themes.observe(document.body, { attributes: true });
  stop.addEventListener("click", () => { stop.disabled = true; model.set("asked", true); model.save_changes(); });
  let first = null; // the number of the packet in the first row
  const show = () => {
    const table = model.get("table");
    state.textContent = table.words;
    state.dataset.state = table.running ? "runs" : "stopped";
    stop.hidden = !table.running;
    // Who has scrolled up reads: the table stays where it is for them.
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
    if (!head.children.length) head.append(make("tr", {}, ...table.columns.map((name) => make("th", { scope: "col", ...kind(name) }, name))));
    // Packets are told once, and in order: what is there already stays, so that a selection does too.
    if (first === null || table.first < first) { body.replaceChildren(); first = table.first; }
    while (first < table.first && body.firstChild) { body.firstChild.remove(); first++; }
    first = table.first;
    for (const row of table.rows.slice(body.children.length)) body.append(make("tr", {}, ...row.map((text, at) => make("td", kind(table.columns[at]), text))));
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  };
  model.on("change:table", show);
  place.append(root);
  theme();
  show();
  return { root, end() { themes.disconnect(); model.off("change:table", show); root.remove(); } };
}

export default {
  initialize({ model }) {
    const id = model.get("place"), views = new Map();
    const cover = (place, covered) => { for (const child of place.children) if (!child.matches(".nsmagic-packets")) child.style.display = covered ? "none" : ""; };
    const look = () => {
      for (const place of document.querySelectorAll(`[data-nsmagic-packets="${CSS.escape(id)}"]`)) {
        if (views.has(place)) continue;
        cover(place, true);
        // When the notebook puts a newer static table there, which is a new place, the view moves over as it is.
        const [before, shown] = [...views].find(([each]) => !each.isConnected) ?? [];
        if (shown) { views.delete(before); place.append(shown.root); }
        views.set(place, shown ?? view(model, place));
      }
    };
    const observer = new MutationObserver((records) => {
      if (records.some((each) => !(each.target instanceof Element) || !each.target.closest(".nsmagic-packets"))) look();
    });
    observer.observe(document.body, { childList: true, subtree: true });
    look();
    const tidy = setInterval(() => { for (const [place, shown] of views) if (!place.isConnected) { shown.end(); views.delete(place); } }, 5000);
    return () => { clearInterval(tidy); observer.disconnect(); for (const [place, shown] of views) { shown.end(); cover(place, false); } };
  },
};
