/** Values of one label, with how many nodes have each. Most are there once (host names): only more is counted. */
export class ValueBag {
  readonly #values = new Set<string>();
  /** Beyond the first. */
  readonly #more = new Map<string, number>();

  /** A live view. */
  get values(): ReadonlySet<string> {
    return this.#values;
  }

  add(value: string): void {
    if (this.#values.has(value)) this.#more.set(value, (this.#more.get(value) ?? 0) + 1);
    else this.#values.add(value);
  }

  remove(value: string): void {
    const more = this.#more.get(value) ?? 0;
    if (more === 0) this.#values.delete(value);
    else if (more === 1) this.#more.delete(value);
    else this.#more.set(value, more - 1);
  }
}
