// Elements of a page, in one call each.

/**
 * Makes an HTML element: element("p", { class: "note", text: "…" }, child, …).
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes] `text` is its text, never read as HTML; `on…` is a listener; true is an
 *     attribute without a value; undefined, null and false leave an attribute out
 * @param {...(Node | string | null | undefined)} children null and undefined are left out
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * The same for an element of a drawing.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svgElement(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * The element that has the focus in the same document or shadow root.
 *
 * @param {Node} node
 * @returns {HTMLElement | null}
 */
export function focusedElement(node) {
  return /** @type {HTMLElement | null} */ (/** @type {Document | ShadowRoot} */ (node.getRootNode()).activeElement ?? null);
}

/**
 * Puts the focus on the first element inside another that matches.
 *
 * @param {Element} root
 * @param {string} selector
 * @param {FocusOptions} [options]
 */
export function focusOn(root, selector, options) {
  /** @type {HTMLElement | null} */ (root.querySelector(selector))?.focus(options);
}

/**
 * Calls back when something inside an element is pressed, by a click or by Enter or Space where the focus is.
 *
 * @param {Element} root
 * @param {string} selector of what can be pressed
 * @param {(target: any) => void} press gets the element that matches the selector
 * @param {AbortSignal} [signal] ends the listening
 */
export function listenForPresses(root, selector, press, signal) {
  const pressable = (event) => event.target.closest(selector);
  root.addEventListener(
    "click",
    (event) => {
      const target = pressable(event);
      if (target) press(target);
    },
    { signal },
  );
  root.addEventListener(
    "keydown",
    (/** @type {any} */ event) => {
      const target = pressable(event);
      if (!target || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      event.stopPropagation();
      press(target);
    },
    { signal },
  );
}

/**
 * Whether text of the page is selected: a click that ends a selection is not meant as a press.
 *
 * @returns {boolean}
 */
export function isTextSelected() {
  return String(getSelection()) !== "";
}
