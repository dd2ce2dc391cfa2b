/** A value that is replaced, never changed in place, and tells whoever listens. */
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

/** One that is made anew only when somebody looks after a change: many changes in a row cost one making. */
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
