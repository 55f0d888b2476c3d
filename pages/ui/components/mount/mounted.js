// What a component has drawn, kept from one update to the next.

const mountedIn = new WeakMap();

// The view that stands in a parent, made at the first update, and what Streamlit is to call when it lets go of one.
// It lets go of an update that a later one overtook as well, while the view still stands: one that has gone from the
// page has to be closed, and no other.
function mounted(parent, make) {
  if (!mountedIn.has(parent)) mountedIn.set(parent, make());
  const view = mountedIn.get(parent);
  const leave = () => {
    if (parent.isConnected || !mountedIn.delete(parent)) return;
    view.close();
  };
  return [view, leave];
}
