/** Interruptible waiting for loops that sleep until something is due or somebody rings; and a limit of concurrency. */
import type { Clock } from "./ports";

export class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #wake: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it has rung since the last wait; if so, the next wait returns at once. */
  get rung(): boolean {
    return this.#rung;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.abort(this);
  }

  /** Forgets earlier rings. */
  clear(): void {
    this.#rung = false;
  }

  /** Resolves when it rings or after `ms` milliseconds (null: only when it rings); rejects when the signal aborts. */
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

/** Runs at most `width` tasks at a time; further ones queue. */
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
