// What a component has drawn, kept from one update of Streamlit to the next.

const views = new WeakMap();

/**
 * The function that Streamlit calls at every update, with the same parent as long as the component is on the page.
 *
 * @param {(host: any) => View} create makes what the component draws, at the first update
 * @returns {(update: ComponentUpdate) => () => void} what Streamlit is to call when it lets go of an update
 */
export function rendererOf(create) {
  return ({ data, parentElement, setStateValue, setTriggerValue }) => {
    if (!views.has(parentElement)) views.set(parentElement, create(parentElement));
    const view = views.get(parentElement);
    view.receive(data, { setStateValue, setTriggerValue });
    return () => {
      // Streamlit also lets go of an update that a later one superseded: only close what has left the page.
      if (parentElement.isConnected || !views.delete(parentElement)) return;
      view.close();
    };
  };
}
