/** Waiting that can be cut short: for a loop that sleeps until something is due, or until somebody rings. */
import type { Clock } from "./ports";

export class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #wake: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rung already; the next wait returns at once. */
  get rung(): boolean {
    return this.#rung;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.abort(this);
  }

  /** Forgets rings from before. */
  clear(): void {
    this.#rung = false;
  }

  /** Until it rings or so many milliseconds have passed (null: only rings); rejects when the signal aborts. */
  async wait(ms: number | null, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#rung && (ms === null || ms > 0)) {
      this.#wake = new AbortController();
      try {
        await this.#clock.sleep(ms ?? 2 ** 31 - 1, AbortSignal.any([signal, this.#wake.signal]));
      } catch (error) {
        if (signal.aborted) throw error;
      } finally {
        this.#wake = null;
      }
    }
    this.#rung = false;
  }
}

/** At most so many at a time; the others wait in line. */
export class Limit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((go) => this.#waiting.push(go));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
