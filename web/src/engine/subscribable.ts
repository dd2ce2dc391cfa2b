/** Observable values: replaced, never changed in place, so that React can compare them by identity. */
import type { Subscribable } from "./types";

export class Value<T> implements Subscribable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** A derived value, computed lazily: after any number of changes the next `get` computes it once. */
export class Derived<T> implements Subscribable<T> {
  readonly #make: () => T;
  readonly #listeners = new Set<() => void>();
  #made: { value: T } | null = null;

  constructor(make: () => T) {
    this.#make = make;
  }

  readonly get = (): T => (this.#made ??= { value: this.#make() }).value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  changed(): void {
    this.#made = null;
    for (const listener of [...this.#listeners]) listener();
  }
}
