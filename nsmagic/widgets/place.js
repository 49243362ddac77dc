// Puts a widget into every `<div data-nsmagic-explorer="ID">` of the page, beside the static picture, which is all that a notebook stores.
async function show(model) {
  const manager = model.widget_manager;
  const child = await manager.get_model(String(model.get("child")).replace(/^IPY_MODEL_/, ""));
  return manager.create_view(child);
}

// A widget of ipywidgets is drawn by Lumino, which tells it when it comes to the page and when it goes.
function tell(view, ...kinds) {
  const widget = view.luminoWidget ?? view.pWidget;
  for (const type of kinds) widget?.processMessage({ type, isConflatable: false, conflate: () => false });
}

export default {
  initialize({ model }) {
    const id = model.get("place"), views = new Map();
    const cover = (place, covered) => { for (const child of place.children) if (!child.matches(".nsmagic-explorer")) child.style.display = covered ? "none" : ""; };
    const enter = async (place) => {
      cover(place, true);
      const view = await show(model);
      if (!views.has(place)) { view.remove(); return; }
      views.set(place, view);
      tell(view, "before-attach");
      place.append(view.el);
      tell(view, "after-attach", "after-show");
    };
    const leave = (place) => {
      const view = views.get(place);
      views.delete(place);
      if (view) { tell(view, "before-detach", "after-detach"); view.remove(); }
      cover(place, false);
    };
    const look = () => {
      const left = [...views.keys()].filter((place) => !place.isConnected);
      for (const place of document.querySelectorAll(`[data-nsmagic-explorer="${CSS.escape(id)}"]`)) {
        if (views.has(place)) continue;
        const before = left.find((each) => views.get(each));
        if (before) { // the notebook has put a newer static picture there: the view moves over as it is
          left.splice(left.indexOf(before), 1);
          const view = views.get(before);
          views.delete(before);
          views.set(place, view);
          cover(place, true);
          place.append(view.el);
        } else { views.set(place, null); enter(place); }
      }
      for (const place of left) setTimeout(() => { if (!place.isConnected && views.has(place)) leave(place); }, 2000);
    };
    const observer = new MutationObserver((records) => {
      if (records.some((each) => !(each.target instanceof Element) || !each.target.closest(".nsmagic-explorer"))) look();
    });
    observer.observe(document.body, { childList: true, subtree: true });
    look();
    return () => { observer.disconnect(); for (const place of [...views.keys()]) leave(place); };
  },
};
