// The live picture: takes each new SVG from the kernel, keeps every element that it already has, and moves it to its new place.
// No library, no build step, no network. `render` is a view in a widget's layout (the explorer); `initialize` puts views into
// every `<div data-nsmagic-live="ID">` of the page, which holds the static picture and is all that a notebook stores.

const SVG = "http://www.w3.org/2000/svg";
const GLIDE = 380; // milliseconds
const SCALE = 1.15; // pixels for a point of Graphviz, as in the static picture
const MOST = 600, LEAST = 150; // pixels of height
const KEPT = new Set(["svg", "g", "path", "polygon", "polyline", "ellipse", "text", "title", "rect", "tspan"]);
const SILENT = 14000; // milliseconds without a sign of life

const ease = (t) => 1 - (1 - t) ** 3;
const mix = (a, b, t) => a + (b - a) * t;
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

// An element of somebody else's document as one of ours. Identifiers become data: two views of a page would have the same.
function adopt(from) {
  const made = document.createElementNS(SVG, from.localName);
  for (const { name, value } of from.attributes) {
    if (name === "id") made.dataset.id = value;
    else if (!name.startsWith("on") && !name.includes("href")) made.setAttribute(name, value);
  }
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && child.data.trim()) made.append(child.data);
    else if (child.nodeType === Node.ELEMENT_NODE && KEPT.has(child.localName)) made.append(adopt(child));
  }
  return made;
}

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.dataset?.id === b.dataset?.id;
const OURS = new Set(["class", "role", "tabindex", "aria-label", "aria-pressed", "transform"]);

// Make an element that is shown like a new one, keeping what can be kept: focus and identity survive.
function morph(old, now) {
  for (const { name, value } of now.attributes) if (!OURS.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!OURS.has(name) && !now.hasAttribute(name)) old.removeAttribute(name);
  const known = [...old.childNodes], used = new Set();
  let before = old.firstChild;
  for (const child of [...now.childNodes]) {
    const same = known.find((each) => !used.has(each) && alike(each, child));
    let put = child;
    if (same) {
      used.add(same);
      if (same.nodeType === Node.TEXT_NODE) { if (same.data !== child.data) same.data = child.data; } else morph(same, child);
      put = same;
    }
    if (put === before) before = before.nextSibling;
    else old.insertBefore(put, before);
  }
  for (const each of known) if (!used.has(each)) each.remove();
}

// Geometry of lines and walls as numbers, so that one shape can become another.
const ATTRIBUTES = { path: ["d"], polygon: ["points"], polyline: ["points"], ellipse: ["cx", "cy", "rx", "ry"], text: ["x", "y"] };
const NUMBER = /-?\d+(?:\.\d+)?/g;

function shapes(group, dx, dy) {
  const found = [];
  for (const element of group.querySelectorAll("path,polygon,polyline,ellipse,text")) {
    for (const name of ATTRIBUTES[element.localName]) {
      const text = element.getAttribute(name) ?? "";
      let at = name === "cy" || name === "y" ? 1 : 0;
      const numbers = (text.match(NUMBER) ?? []).map((each) => Number(each) + (name[0] === "r" ? 0 : at++ % 2 ? dy : dx));
      found.push({ element, name, text, form: text.replace(NUMBER, "#"), numbers });
    }
  }
  return found;
}

const written = (form, numbers) => { let at = 0; return form.replace(/#/g, () => numbers[at++].toFixed(2)); };

// The same curve with another number of pieces: its points at equal distances.
function resampled(shape, count) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", written(shape.form, shape.numbers));
  const length = path.getTotalLength(), numbers = [];
  for (let at = 0; at < count; at++) {
    const { x, y } = path.getPointAtLength((length * at) / (count - 1));
    numbers.push(x, y);
  }
  return numbers;
}

class Picture {
  constructor(stage, choose) {
    this.stage = stage;
    this.choose = choose;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("role", "group");
    this.world = this.svg.appendChild(document.createElementNS(SVG, "g"));
    this.over = this.svg.appendChild(document.createElementNS(SVG, "g"));
    this.over.setAttribute("aria-hidden", "true");
    this.groups = new Map();
    this.size = { width: 0, height: 0 };
    this.shift = { x: 0, y: 0 };
    this.view = null; // what is seen of the picture, in its own units
    this.fitted = true;
    this.moves = new Map(); // group → how it moves
    this.packets = [];
    this.began = 0;
    this.wide = 0;
    this.request = 0;
    stage.append(this.svg);
  }

  // A new picture. Returns whether it could be read.
  update(text, alt) {
    const doc = new DOMParser().parseFromString(text, "image/svg+xml");
    const graph = doc.querySelector("g.graph");
    const box = doc.documentElement.getAttribute("viewBox")?.split(/\s+/).map(Number);
    if (!graph || !box) return false;
    const [x, y] = (graph.getAttribute("transform")?.match(/translate\(([^)]*)\)/)?.[1] ?? "0 0").split(/[\s,]+/).map(Number);
    const first = this.groups.size === 0 && !this.size.width;
    const glides = !first && !still();
    const moved = { x: this.shift.x - x, y: this.shift.y - y };
    const now = new Map();
    for (const child of graph.children) if (child.localName === "g" && child.id) now.set(child.id, adopt(child));

    const before = new Map();
    for (const [id, group] of this.groups) if (now.has(id)) before.set(id, this.#place(group, moved));
    for (const [id, group] of [...this.groups]) if (!now.has(id)) this.#leave(id, group);
    this.moves.clear();
    this.shift = { x, y };
    this.size = { width: box[2], height: box[3] };

    let next = this.world.firstChild;
    for (const [id, made] of now) {
      let group = this.groups.get(id);
      if (group) {
        const said = this.#said(group);
        morph(group, made);
        for (const [name, words] of this.#said(group)) {
          if (said.has(name) && said.get(name) !== words) this.#glow(group, name);
          else if (!said.has(name) && !first) this.#once(this.#named(group, name), "come");
        }
      } else {
        group = made;
        if (!first) this.#once(group, "come");
        this.groups.set(id, group);
      }
      if (group === next) next = next.nextSibling;
      else this.world.insertBefore(group, next);
      group.setAttribute("transform", `translate(${x},${y})`);
    }
    this.#label(alt);
    if (glides) for (const [id, was] of before) this.#move(this.groups.get(id), was);
    this.fit(glides);
    this.#begin();
    return true;
  }

  // Where a group is now, as seen; in the coordinates of the picture to come.
  #place(group, moved) {
    const move = this.moves.get(group);
    if (group.classList.contains("node")) {
      const box = group.getBBox();
      return { x: box.x + moved.x + (move?.x ?? 0) * (move?.left ?? 0), y: box.y + moved.y + (move?.y ?? 0) * (move?.left ?? 0) };
    }
    return shapes(group, moved.x, moved.y);
  }

  #move(group, was) {
    if (group.classList.contains("node")) {
      const box = group.getBBox();
      const [x, y] = [was.x - box.x, was.y - box.y];
      if (Math.abs(x) + Math.abs(y) > 0.3) this.moves.set(group, { x, y, left: 1 });
      return;
    }
    const parts = [];
    shapes(group, 0, 0).forEach((to, at) => {
      const from = was[at];
      if (!from || from.element.localName !== to.element.localName || from.name !== to.name || !to.numbers.length) return;
      if (from.form === to.form) {
        if (from.numbers.some((number, each) => Math.abs(number - to.numbers[each]) > 0.3)) {
          parts.push({ ...to, from: from.numbers, way: to.form, to: to.numbers });
        }
      } else if (to.name === "d") {
        parts.push({ ...to, from: resampled(from, 24), way: "M#,#" + " L#,#".repeat(23), to: resampled(to, 24) });
      }
    });
    if (parts.length) this.moves.set(group, { parts, left: 1 });
  }

  #leave(id, group) {
    this.groups.delete(id);
    this.moves.delete(group);
    if (still()) { group.remove(); return; }
    for (const each of [group, ...group.querySelectorAll("[role]")]) { each.removeAttribute("role"); each.removeAttribute("tabindex"); }
    this.over.append(group);
    group.classList.add("leave");
    setTimeout(() => group.remove(), 400);
  }

  #once(element, name) {
    if (!element) return;
    element.classList.remove(name);
    void element.getBoundingClientRect(); // the animation begins again
    element.classList.add(name);
    element.addEventListener("animationend", () => element.classList.remove(name), { once: true });
  }

  // What each socket of a group says, to see whether it says something else next time.
  #said(group) {
    const found = new Map();
    for (const each of group.querySelectorAll('[data-id^="tip/socket/"]')) {
      found.set(each.dataset.id, each.textContent + [...each.children].map((part) => part.getAttribute("stroke-dasharray") ?? "").join());
    }
    return found;
  }

  #named(group, name) { return [...group.querySelectorAll("[data-id]")].find((each) => each.dataset.id === name); }

  #glow(group, name) { this.#once(this.#named(group, name), "changed"); }

  // Names and roles for who hears the picture, and one stop for the Tab key; arrow keys go on from there.
  #label(alt) {
    this.svg.setAttribute("aria-label", alt);
    for (const each of this.world.querySelectorAll('g[data-id^="tip/socket/"]')) {
      this.#button(each, each.dataset.id.slice(4), each.querySelector("title")?.textContent ?? "");
    }
    for (const each of this.world.querySelectorAll('g[data-id^="tip/room/"]')) {
      const title = [...each.children].find((child) => child.localName === "text");
      if (title) this.#button(title, each.dataset.id.slice(4), each.querySelector("title")?.textContent ?? title.textContent);
    }
    for (const each of this.world.querySelectorAll("g.edge")) each.setAttribute("aria-hidden", "true");
    const all = this.buttons();
    const stop = all.find((each) => each === document.activeElement) ?? all.find((each) => each.tabIndex === 0) ?? all[0];
    for (const each of all) each.setAttribute("tabindex", each === stop ? "0" : "-1");
  }

  #button(element, name, words) {
    element.setAttribute("role", "button");
    element.setAttribute("aria-label", words);
    element.setAttribute("aria-pressed", String(element.classList.contains("chosen")));
    element.dataset.name = name;
  }

  buttons() { return [...this.world.querySelectorAll('[role="button"]')]; }

  mark(name) {
    for (const each of this.buttons()) {
      each.classList.toggle("chosen", each.dataset.name === name);
      each.setAttribute("aria-pressed", String(each.dataset.name === name));
    }
  }

  focus(button) {
    for (const each of this.buttons()) each.setAttribute("tabindex", each === button ? "0" : "-1");
    button.focus({ preventScroll: true });
  }

  // The nearest button in a direction.
  towards(from, dx, dy) {
    const middle = (element) => { const box = element.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const each of this.buttons()) {
      const [ex, ey] = middle(each);
      const along = (ex - x) * dx + (ey - y) * dy, aside = Math.abs((ex - x) * dy) + Math.abs((ey - y) * dx);
      if (each !== from && along > 2 && along + 2.5 * aside < least) [best, least] = [each, along + 2.5 * aside];
    }
    return best;
  }

  // Packets on a cable: it lights up, and a dot travels the way they went.
  flash(name, away, towards) {
    const group = this.groups.get(name);
    if (!group) return;
    this.#once(group, "busy");
    if (still()) return;
    for (const [count, back] of [[away, false], [towards, true]]) {
      if (!count || this.packets.length > 80 || this.packets.some((each) => each.group === group && each.back === back)) continue;
      const dot = this.over.appendChild(document.createElementNS(SVG, "circle"));
      dot.setAttribute("class", "packet");
      dot.setAttribute("r", "4.5");
      this.packets.push({ group, back, dot, began: performance.now() });
    }
    this.#run();
  }

  // What is seen: all of it, or what the person chose.
  resized() { if (this.stage.clientWidth !== this.wide) this.fit(); }

  fit(glides = false) {
    if (!this.size.width) return;
    const wide = this.wide = this.stage.clientWidth || 1;
    const scale = Math.min(SCALE, wide / this.size.width, MOST / this.size.height);
    const high = Math.max(LEAST, Math.round(this.size.height * scale));
    this.svg.style.height = `${high}px`;
    if (!this.fitted && this.view) { this.#see({ ...this.view, height: (this.view.width * high) / wide }); return; }
    const to = { width: wide / scale, height: high / scale };
    to.x = (this.size.width - to.width) / 2;
    to.y = (this.size.height - to.height) / 2;
    if (glides && this.view) this.moves.set(this, { from: this.view, to, left: 1 });
    else { this.moves.delete(this); this.#see(to); }
  }

  #see(view) {
    this.view = view;
    this.svg.setAttribute("viewBox", [view.x, view.y, view.width, view.height].map((each) => each.toFixed(2)).join(" "));
  }

  zoom(by, at = { x: 0.5, y: 0.5 }) {
    if (!this.view) return;
    const width = Math.min(Math.max(this.view.width / by, 40), this.size.width * 4 + 400);
    const by_ = this.view.width / width, height = this.view.height / by_;
    this.fitted = false;
    this.moves.delete(this);
    this.#see({ x: this.view.x + (this.view.width - width) * at.x, y: this.view.y + (this.view.height - height) * at.y, width, height });
  }

  pan(dx, dy) {
    if (!this.view) return;
    const scale = this.view.width / (this.stage.clientWidth || 1);
    this.fitted = false;
    this.moves.delete(this);
    this.#see({ ...this.view, x: this.view.x - dx * scale, y: this.view.y - dy * scale });
  }

  all() { this.fitted = true; this.fit(!still()); this.#begin(); }

  // Movement
  #begin() {
    this.began = performance.now();
    this.#run();
  }

  #run() {
    if (!this.request) this.request = requestAnimationFrame((now) => this.#step(now));
  }

  #step(now) {
    const gone = Math.min((now - this.began) / GLIDE, 1), left = 1 - ease(Math.max(gone, 0));
    for (const [group, move] of this.moves) {
      move.left = left;
      if (group === this) {
        const view = {};
        for (const name of ["x", "y", "width", "height"]) view[name] = mix(move.to[name], move.from[name], left);
        this.#see(view);
      } else if (move.parts) {
        for (const part of move.parts) {
          const text = gone < 1 ? written(part.way, part.to.map((number, at) => mix(number, part.from[at], left))) : part.text;
          part.element.setAttribute(part.name, text);
        }
      } else group.setAttribute("transform", `translate(${this.shift.x + move.x * left},${this.shift.y + move.y * left})`);
    }
    if (gone >= 1) this.moves.clear();
    this.packets = this.packets.filter((packet) => this.#travel(packet, now));
    this.request = this.moves.size || this.packets.length ? requestAnimationFrame((then) => this.#step(then)) : 0;
  }

  #travel({ group, back, dot, began }, now) {
    const gone = (now - began) / 520;
    const paths = [...group.querySelectorAll("path")];
    if (gone >= 1 || !group.isConnected || !paths.length) { dot.remove(); return false; }
    // A cable of two colours is drawn as two halves.
    const way = Math.min(Math.max(back ? 1 - gone : gone, 0), 0.9999) * paths.length, path = paths[Math.floor(way)];
    const { x, y } = path.getPointAtLength((way % 1) * path.getTotalLength());
    dot.setAttribute("cx", x + this.shift.x);
    dot.setAttribute("cy", y + this.shift.y);
    return true;
  }

  end() { cancelAnimationFrame(this.request); }
}

// The tables of a room, or what of them concerns one socket.
function tables(panel, rooms, name, close) {
  const [kind, room, ...rest] = name.split("/");
  const found = rooms[room];
  const socket = kind === "socket" ? decodeURIComponent(rest.join("/")) : null;
  panel.hidden = !found;
  if (!found) { panel.replaceChildren(); return; }
  const kept = panel.querySelector("button");
  const button = kept ?? make("button", { type: "button", "aria-label": "Close the tables" }, "✕");
  if (!kept) button.addEventListener("click", close);
  const parts = [];
  for (const { title, columns, rows, dev, brief } of found.tables) {
    const chosen = socket === null ? rows : rows.filter((row) => row[dev] === socket || row[dev].split(", ").includes(socket));
    if (!chosen.length) { parts.push(make("p", { class: "none" }, `${title}: none`)); continue; }
    const seen = columns.map((_, at) => at).filter((at) => (socket !== null || at < brief) && chosen.some((row) => row[at]));
    if (socket !== null && title === "links") { // one row: each of its facts on a line
      parts.push(make("table", {}, make("caption", {}, "link"), make("tbody", {}, ...seen.slice(1).map((at) =>
        make("tr", {}, make("th", { scope: "row" }, columns[at]), make("td", {}, chosen[0][at]))))));
      continue;
    }
    parts.push(make("table", {},
      make("caption", {}, title),
      make("thead", {}, make("tr", {}, ...seen.map((at) => make("th", { scope: "col" }, columns[at])))),
      make("tbody", {}, ...chosen.map((row) => make("tr", {}, ...seen.map((at) => make("td", {}, row[at])))))));
  }
  const heading = make("h3", {}, socket === null ? found.name : `${found.name}/${socket}`);
  if (kept) {
    kept.previousElementSibling.replaceWith(heading);
    panel.replaceChildren(kept.parentElement, ...parts);
  } else panel.replaceChildren(make("header", {}, heading, button), ...parts);
}

function isDark(element) {
  const said = document.body.dataset.jpThemeLight;
  if (said) return said === "false";
  if (document.body.dataset.vscodeThemeKind) return document.body.dataset.vscodeThemeKind !== "vscode-light";
  for (let each = element; each; each = each.parentElement) {
    const color = getComputedStyle(each).backgroundColor.match(NUMBER)?.map(Number);
    if (color && (color.length < 4 || color[3] > 0.5)) return 0.3 * color[0] + 0.6 * color[1] + 0.1 * color[2] < 110;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// One view of a model, in an element: its root, and what ends it.
function view(model, place) {
  const over = new AbortController(), on = { signal: over.signal };
  const button = (label, words, act) => {
    const made = make("button", { type: "button", "aria-label": label, title: label }, words);
    made.addEventListener("click", act, on);
    return made;
  };
  const state = make("span", { class: "state" }, "starting");
  const stage = make("div", { class: "stage", role: "group", "aria-label": "Live picture of the lab" });
  const help = "Arrow keys go from one to the next, Enter shows its tables, Shift and arrow keys move the picture, plus and minus zoom, 0 shows all.";
  const panel = make("div", { class: "panel", role: "region", "aria-label": "Tables", tabindex: "0", hidden: "" });
  const root = make("div", { class: "nsmagic-live" },
    make("div", { class: "bar" }, state,
      button("Zoom out", "−", () => picture.zoom(1 / 1.25)),
      button("Zoom in", "+", () => picture.zoom(1.25)),
      button("Show all", "All", () => picture.all())),
    make("div", { class: "main" }, stage, panel));
  const picture = new Picture(stage, choose);
  const description = document.createElementNS(SVG, "desc");
  description.textContent = help;
  picture.svg.prepend(description);
  const fallback = make("pre");
  place.append(root);

  let chosen = model.get("chosen"), silent = 0;

  function choose(name) {
    chosen = name;
    model.set("chosen", name);
    model.save_changes();
    open();
  }
  function open() {
    const was = panel.hidden;
    picture.mark(chosen);
    tables(panel, model.get("frame").rooms ?? {}, chosen, shut);
    if (panel.hidden !== was) picture.fit();
  }
  function shut() {
    const back = picture.buttons().find((each) => each.dataset.name === chosen);
    choose("");
    if (back) picture.focus(back);
  }
  function tell() {
    const frame = model.get("frame");
    const stopped = frame.ended || silent;
    state.dataset.state = stopped ? "stopped" : "live";
    const words = frame.ended ? "the lab has ended: its last picture" : silent ? "no word from the kernel: the last picture" : "live";
    if (state.textContent !== words) state.textContent = words;
  }
  let timer = 0;
  function alive() {
    clearTimeout(timer);
    silent = 0;
    timer = setTimeout(() => { silent = 1; tell(); }, SILENT);
    tell();
  }
  function show() {
    const frame = model.get("frame");
    if (frame.number === undefined) return;
    if (frame.svg && picture.update(frame.svg, frame.alt)) {
      fallback.remove();
      picture.svg.style.display = "";
    } else {
      picture.svg.style.display = "none";
      fallback.textContent = [frame.text, frame.problem].filter(Boolean).join("\n");
      stage.append(fallback);
    }
    open();
    alive();
    root.dataset.picture = frame.number; // what a test waits for
  }
  function flash() {
    for (const [name, away, towards] of model.get("flash")[1] ?? []) picture.flash(name, away, towards);
    alive();
  }
  function theme() { root.dataset.theme = isDark(place) ? "dark" : "light"; }

  // The mouse
  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, far: false };
  }, on);
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.far && Math.hypot(dx, dy) < 4) return;
    stage.classList.add("dragging");
    picture.pan(dx, dy);
    drag = { x: event.clientX, y: event.clientY, far: true };
  }, on);
  addEventListener("pointerup", () => { setTimeout(() => { drag = null; }); stage.classList.remove("dragging"); }, on);
  stage.addEventListener("click", (event) => {
    if (drag?.far) return;
    const found = event.target.closest('[data-name], [data-id^="tip/room/"], [data-id^="room/"]');
    const name = found?.dataset.name ?? found?.dataset.id.replace(/^tip\//, "");
    if (name) choose(name === chosen ? "" : name);
  }, on);
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls the notebook
    event.preventDefault();
    const box = picture.svg.getBoundingClientRect();
    picture.zoom(Math.exp(-event.deltaY / 300), { x: (event.clientX - box.x) / box.width, y: (event.clientY - box.y) / box.height });
  }, { passive: false, ...on });

  // The keyboard; none of these keys reaches the notebook, where they would be commands.
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  root.addEventListener("keydown", (event) => {
    const focused = event.target.closest?.('[role="button"][data-name]');
    const way = ways[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !panel.hidden) shut();
    else if (!stage.contains(event.target)) { if (event.key !== "Tab") event.stopPropagation(); return; }
    else if (way && event.shiftKey) picture.pan(-way[0] * 40, -way[1] * 40);
    else if (way && focused) { const next = picture.towards(focused, ...way); if (next) picture.focus(next); }
    else if ((event.key === "Enter" || event.key === " ") && focused) choose(focused.dataset.name === chosen ? "" : focused.dataset.name);
    else if (event.key === "+" || event.key === "=") picture.zoom(1.25);
    else if (event.key === "-") picture.zoom(1 / 1.25);
    else if (event.key === "0") picture.all();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, on);

  const resized = new ResizeObserver(() => { root.classList.toggle("narrow", root.clientWidth < 620); picture.resized(); });
  resized.observe(stage);
  const themes = new MutationObserver(theme);
  themes.observe(document.body, { attributes: true });
  theme();
  const events = { "change:frame": show, "change:flash": flash, "change:beat": alive, "change:chosen": () => { chosen = model.get("chosen"); open(); } };
  for (const [name, act] of Object.entries(events)) model.on(name, act);
  show();

  const end = () => {
    for (const [name, act] of Object.entries(events)) model.off(name, act);
    clearTimeout(timer);
    over.abort();
    resized.disconnect();
    themes.disconnect();
    picture.end();
    root.remove();
  };
  return { root, end };
}

// Put a view into every place of the page that asks for it, and the static picture back when the model is gone. When the notebook
// puts a newer static picture there, which is a new place, the view moves over as it is.
function places(attribute, id, enter) {
  const views = new Map();
  const cover = (place, covered) => { for (const child of place.children) if (!child.matches(".nsmagic-live")) child.style.display = covered ? "none" : ""; };
  const look = () => {
    const here = [...document.querySelectorAll(`[${attribute}="${CSS.escape(id)}"]`)];
    const left = [...views.keys()].filter((place) => !place.isConnected);
    for (const place of here) {
      if (views.has(place)) continue;
      cover(place, true);
      const before = left.shift(), shown = before && views.get(before);
      if (shown) { views.delete(before); place.append(shown.root); }
      views.set(place, shown ?? enter(place));
    }
    for (const place of left) setTimeout(() => { // it may come back, as a cell that is scrolled out of sight does
      if (place.isConnected || !views.has(place)) return;
      views.get(place).end();
      views.delete(place);
    }, 2000);
  };
  const observer = new MutationObserver((records) => {
    if (records.some((each) => !(each.target instanceof Element) || !each.target.closest(".nsmagic-live"))) look();
  });
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    observer.disconnect();
    for (const [place, shown] of views) { shown.end(); cover(place, false); }
  };
}

export default {
  initialize({ model }) { return places("data-nsmagic-live", model.get("place"), (place) => view(model, place)); },
  render({ model, el }) { return view(model, el).end; },
};
