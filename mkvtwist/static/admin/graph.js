// A small graph of the last minutes.

import { find, tell } from "../common/dom.js";

/** Samples that a graph shows: five minutes, at one sample in two seconds. */
const SAMPLES = 150;
/** The height of a line's graph; the template's view box has 2 more below it. */
const HEIGHT = 38;
/** How much of the height the highest value takes. */
const RISE = 36;

/**
 * Return a new element of SVG.
 *
 * @template {"path" | "rect"} K
 * @param {K} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/**
 * A graph of values or of states.
 *
 * @template {number | string} Sample
 */
class Graph {
  /** The last samples; null is a gap. @type {(Sample | null)[]} */
  #samples = [];

  /**
   * @param {Element} parent
   * @param {string} title
   */
  constructor(parent, title) {
    const fragment = find(document, "#graph", HTMLTemplateElement).content.cloneNode(true);
    parent.append(fragment);
    const figure = find(parent, "figure:last-child", HTMLElement);
    this.title = title;
    this.svg = find(figure, "svg", SVGSVGElement);
    this.caption = find(figure, "strong", HTMLElement);
    tell(find(figure, "span", HTMLElement), title);
  }

  /**
   * Add a sample, and return all with the places where they are drawn.
   *
   * @param {Sample | null} sample
   * @returns {[number, Sample | null][]}
   */
  add(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    const left = SAMPLES - this.#samples.length;
    return this.#samples.map((each, n) => [left + n, each]);
  }
}

/**
 * A line from the left, which is five minutes ago.
 *
 * @extends {Graph<number>}
 */
export class Line extends Graph {
  /**
   * @param {number | null} value null if the server does not answer.
   * @param {(value: number) => string} format
   */
  show(value, format) {
    const samples = this.add(value);
    const most = Math.max(...samples.map(([, sample]) => sample ?? 0));
    let drawn = "";
    let isLine = false;
    for (const [x, sample] of samples) {
      if (sample !== null) {
        const y = HEIGHT - RISE * (most > 0 ? sample / most : 0);
        drawn += `${isLine ? "L" : "M"}${x + 0.5} ${y.toFixed(1)}`;
      }
      isLine = sample !== null;
    }
    this.svg.replaceChildren(svg("path", { d: drawn }));
    if (value === null) return;
    tell(this.caption, format(value));
    const label = `${this.title}: ${format(value)}, at most ${format(most)} in the last minutes`;
    this.svg.setAttribute("aria-label", label);
  }
}

/**
 * A strip in the colours of the states.
 *
 * @extends {Graph<string>}
 */
export class Strip extends Graph {
  /** @param {string | null} state null if the server does not answer. */
  show(state) {
    /** @type {{ x: number, width: number, name: string | null }[]} */
    const spans = [];
    for (const [x, name] of this.add(state)) {
      const last = spans.at(-1);
      if (last?.name === name) last.width += 1;
      else spans.push({ x, width: 1, name });
    }
    this.svg.replaceChildren(...spans.flatMap(({ x, width, name }) => (name === null ? []
      : svg("rect", { x, y: 8, width, height: 24, class: name.replaceAll(" ", "-") }))));
    if (state !== null) this.svg.setAttribute("aria-label", `${this.title}: ${state}`); // a badge shows it
  }
}
