// Elements of a page: found by their role, changed only if there is news.

/**
 * Return the only element that a selector finds.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind its class.
 * @returns {T}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${selector}`);
}

/**
 * Return the element of a role, the value of its attribute data-part.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} role
 * @param {new () => T} kind its class.
 * @returns {T}
 */
export const part = (root, role, kind) => find(root, `[data-part=${role}]`, kind);

/**
 * Set an element's text if it is another one: screen readers read what changes.
 *
 * @param {Element} element
 * @param {string} text
 */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
