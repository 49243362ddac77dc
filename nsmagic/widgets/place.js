// Puts a widget into every `<div data-nsmagic-explorer="ID">` of the page, beside the static picture, which is all that a notebook stores.
async function show(model, place) {
  const manager = model.widget_manager;
  const child = await manager.get_model(String(model.get("child")).replace(/^IPY_MODEL_/, ""));
  const view = await manager.create_view(child);
  return view;
}

// A widget of ipywidgets is drawn by Lumino, which tells it when it comes to the page and when it goes.
function tell(view, ...kinds) {
  const widget = view.luminoWidget ?? view.pWidget;
  for (const type of kinds) widget?.processMessage({ type, isConflatable: false, conflate: () => false });
}

export default {
  initialize({ model }) {
    const id = model.get("place"), views = new Map();
    let waits = 0;
    const enter = async (place) => {
      for (const child of place.children) child.style.display = "none";
      const view = await show(model, place);
      if (!place.isConnected || !views.has(place)) { view.remove(); return; }
      views.set(place, view);
      tell(view, "before-attach");
      place.append(view.el);
      tell(view, "after-attach", "after-show");
    };
    const leave = (place) => {
      const view = views.get(place);
      views.delete(place);
      if (view) { tell(view, "before-detach", "after-detach"); view.remove(); }
      for (const child of place.children) child.style.display = "";
    };
    const look = () => {
      waits = 0;
      for (const place of document.querySelectorAll(`[data-nsmagic-explorer="${CSS.escape(id)}"]`)) {
        if (!views.has(place)) { views.set(place, null); enter(place); }
      }
      for (const place of [...views.keys()]) if (!place.isConnected) leave(place);
    };
    const observer = new MutationObserver(() => { waits ||= setTimeout(look, 30); });
    observer.observe(document.body, { childList: true, subtree: true });
    look();
    return () => { observer.disconnect(); clearTimeout(waits); for (const place of [...views.keys()]) leave(place); };
  },
};
