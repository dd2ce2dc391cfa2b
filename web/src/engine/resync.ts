/**
 * When to ask the log: after every connection, on holes, and when the server says we are behind.
 *
 * One loop, so that catching up is never done twice at a time; each conversation has its own back-off, so that one
 * that fails holds up no other. Asking is `catch-up`'s business.
 */
import { Alarm } from "./alarm";
import { type Backoff, backoffDelay } from "./backoff";
import type { CatchUp } from "./catch-up";
import type { Clock } from "./ports";
import { ApiError, TransportFailed } from "./problems";
import type { Sequencer } from "./sequencer";

/** A hole that the log does not fill so many times in a row is no hole: half a minute. */
const GIVE_UP_AFTER = 8;
const BACKOFF: Backoff = { baseMs: 500, capMs: 15_000 };

class Retry {
  tries = 0;
  due = 0;

  later(now: number, random: () => number, retryAfterMs: number | null = null): void {
    this.due = now + backoffDelay(BACKOFF, this.tries, random, retryAfterMs);
    this.tries += 1;
  }
}

export interface ResyncParts {
  catchUp: CatchUp;
  clock: Clock;
  random: () => number;
  /** How long frames may be out of order before the log is asked. */
  gapWaitMs: number;
  /** Whether anything is known to be missing has changed, or a sync went well or not. */
  onChange: () => void;
}

export class Resync {
  readonly #parts: ResyncParts;
  readonly #sequencer: Sequencer;
  readonly #alarm: Alarm;
  #due = false;
  #retry = new Retry();
  #suspects = new Map<string, number | undefined>();
  #retries = new Map<string, Retry>();
  #settled = false;
  /** When the last sync went well, in epoch milliseconds. */
  syncedAt: number | null = null;
  /** The last question to the log failed. */
  failing = false;

  constructor(parts: ResyncParts) {
    this.#parts = parts;
    this.#sequencer = parts.catchUp.sequencer;
    this.#alarm = new Alarm(parts.clock);
  }

  /** Nothing is known to be missing. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Everything may be out of date. */
  sync(): void {
    this.#due = true;
    this.#retry = new Retry();
    this.#wake();
  }

  /** There may be a hole. */
  look(): void {
    if (this.#sequencer.behind().length > 0) this.#wake();
  }

  /** This log may have grown, unless by then the cursor has moved past that seq. */
  lookInto(id: string, unlessPast: number | undefined): void {
    this.#suspects.set(id, unlessPast);
    this.#wake();
  }

  /** What a `pong` says: `{conversation_id: last_seq}`, or ids alone. */
  behind(named: unknown): void {
    if (Array.isArray(named)) {
      for (const id of named) this.lookInto(String(id), this.#sequencer.cursor(String(id)));
    } else if (typeof named === "object" && named !== null) {
      for (const [id, seq] of Object.entries(named)) if (Number.isInteger(seq) && seq > 0) this.#sequencer.note(id, seq);
      this.look();
    }
  }

  /** Never resolves; rejects when the signal aborts, or when the session is over. */
  async run(signal: AbortSignal): Promise<never> {
    const { clock, gapWaitMs } = this.#parts;
    for (;;) {
      await this.#alarm.wait(this.#nextDue(), signal);
      if (this.#due && this.#retry.due <= clock.now()) await this.#sync(signal);
      else await clock.sleep(gapWaitMs, signal); // frames out of order sort themselves out
      const wounds = this.#wounds();
      this.#retries = new Map(wounds.map((id) => [id, this.#retries.get(id) ?? new Retry()]));
      const now = clock.now();
      const dueOnes = [...this.#retries].filter(([, retry]) => retry.due <= now);
      const outcomes = await Promise.allSettled(dueOnes.map(([id, retry]) => this.#heal(id, retry, signal)));
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      if (!this.#due && this.#wounds().length === 0 && !this.#alarm.rung) this.#settle(true);
    }
  }

  #wounds(): string[] {
    return [...new Set([...this.#sequencer.behind(), ...this.#suspects.keys()])];
  }

  /** Milliseconds until something is to be done, null when nothing is. */
  #nextDue(): number | null {
    const due = this.#wounds().map((id) => this.#retries.get(id)?.due ?? 0);
    if (this.#due) due.push(this.#retry.due);
    return due.length > 0 ? Math.max(0, Math.min(...due) - this.#parts.clock.now()) : null;
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const retry = this.#retry;
    this.#due = false;
    try {
      await this.#parts.catchUp.all(signal);
      this.syncedAt = this.#parts.clock.now();
      this.#failed(false);
    } catch (error) {
      throwIfOver(error, signal);
      this.#due = true;
      retry.later(this.#parts.clock.now(), this.#parts.random, error instanceof ApiError ? error.retryAfterMs : null);
      this.#failed(true);
    }
  }

  async #heal(id: string, retry: Retry, signal: AbortSignal): Promise<void> {
    const { catchUp, clock, random } = this.#parts;
    const before = this.#sequencer.cursor(id);
    const suspected = !this.#suspects.has(id) || this.#suspects.get(id) === before;
    if (!suspected && !this.#sequencer.behind().includes(id)) {
      this.#suspects.delete(id);
      return;
    }
    try {
      await catchUp.heal(id, signal);
    } catch (error) {
      throwIfOver(error, signal);
      retry.later(clock.now(), random, error instanceof ApiError ? error.retryAfterMs : null);
      return;
    }
    this.#suspects.delete(id);
    if (!this.#sequencer.behind().includes(id)) return;
    if (this.#sequencer.cursor(id) !== before) retry.tries = 0;
    else if (retry.tries >= GIVE_UP_AFTER) this.#sequencer.giveUp(id);
    else retry.later(clock.now(), random);
  }

  #failed(failing: boolean): void {
    this.failing = failing;
    this.#parts.onChange();
  }

  #settle(settled: boolean): void {
    if (this.#settled === settled) return;
    this.#settled = settled;
    this.#parts.onChange();
  }

  #wake(): void {
    this.#settle(false);
    this.#alarm.ring();
  }
}

/** Throws where there is no point in asking again: the session is over, or the fault is ours. */
function throwIfOver(error: unknown, signal: AbortSignal): void {
  const passing = error instanceof TransportFailed || (error instanceof ApiError && error.status !== 401);
  if (signal.aborted || !passing) throw error;
}
