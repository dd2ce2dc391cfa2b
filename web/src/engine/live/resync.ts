/**
 * Decides when to catch up with the log: after every connect, on gaps, and when the server says that we are behind.
 *
 * A single loop prevents concurrent syncs; each conversation has its own back-off, so that a failing one does not delay
 * the others. The requests themselves are made by `catch-up.ts`.
 */
import { Alarm } from "../alarm";
import { type Backoff, backoffDelay } from "./backoff";
import type { CatchUp } from "./catch-up";
import type { Clock } from "../ports";
import { ApiError, TransportFailed } from "../service/problems";
import type { Sequencer } from "./sequencer";

/** Attempts after which a gap that the log does not fill is ignored; they take about half a minute. */
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
  /** How long a gap may last before it is filled from the log. */
  gapWaitMs: number;
  /** `settled` or `failing` has changed, or a sync has ended. */
  onChange: () => void;
}

export class Resync {
  readonly #parts: ResyncParts;
  readonly #sequencer: Sequencer;
  readonly #alarm: Alarm;
  #syncDue = false;
  #syncRetry = new Retry();
  #suspects = new Map<string, number | undefined>();
  #retries = new Map<string, Retry>();
  #settled = false;
  /** The time of the last successful sync, in epoch milliseconds. */
  syncedAt: number | null = null;
  /** Whether the last sync failed. */
  failing = false;

  constructor(parts: ResyncParts) {
    this.#parts = parts;
    this.#sequencer = parts.catchUp.sequencer;
    this.#alarm = new Alarm(parts.clock);
  }

  /** Whether there are no known gaps and no sync is due. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Makes a sync due: any conversation may be out of date. */
  sync(): void {
    this.#syncDue = true;
    this.#syncRetry = new Retry();
    this.#wake();
  }

  /** Wakes the loop if the sequencer has gaps. */
  look(): void {
    if (this.#sequencer.behind().length > 0) this.#wake();
  }

  /** Reads this conversation's log, unless its cursor has moved past `unlessPast` by then. */
  lookInto(id: string, unlessPast: number | undefined): void {
    this.#suspects.set(id, unlessPast);
    this.#wake();
  }

  /** Takes in the `behind` of a `pong` frame: `{conversation_id: last_seq}`, or a list of ids. */
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
      if (this.#syncDue && this.#syncRetry.due <= clock.now()) await this.#sync(signal);
      else await clock.sleep(gapWaitMs, signal); // frames that are only out of order close the gap by themselves
      const gaps = this.#gaps();
      this.#retries = new Map(gaps.map((id) => [id, this.#retries.get(id) ?? new Retry()]));
      const now = clock.now();
      const due = [...this.#retries].filter(([, retry]) => retry.due <= now);
      const outcomes = await Promise.allSettled(due.map(([id, retry]) => this.#heal(id, retry, signal)));
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      if (!this.#syncDue && this.#gaps().length === 0 && !this.#alarm.rung) this.#settle(true);
    }
  }

  #gaps(): string[] {
    return [...new Set([...this.#sequencer.behind(), ...this.#suspects.keys()])];
  }

  /** Milliseconds until the next sync or gap is due, null if none is. */
  #nextDue(): number | null {
    const due = this.#gaps().map((id) => this.#retries.get(id)?.due ?? 0);
    if (this.#syncDue) due.push(this.#syncRetry.due);
    return due.length > 0 ? Math.max(0, Math.min(...due) - this.#parts.clock.now()) : null;
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const retry = this.#syncRetry;
    this.#syncDue = false;
    try {
      await this.#parts.catchUp.all(signal);
      this.syncedAt = this.#parts.clock.now();
      this.#setFailing(false);
    } catch (error) {
      throwIfFinal(error, signal);
      this.#syncDue = true;
      retry.later(this.#parts.clock.now(), this.#parts.random, error instanceof ApiError ? error.retryAfterMs : null);
      this.#setFailing(true);
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
      throwIfFinal(error, signal);
      retry.later(clock.now(), random, error instanceof ApiError ? error.retryAfterMs : null);
      return;
    }
    this.#suspects.delete(id);
    if (!this.#sequencer.behind().includes(id)) return;
    if (this.#sequencer.cursor(id) !== before) retry.tries = 0;
    else if (retry.tries >= GIVE_UP_AFTER) this.#sequencer.giveUp(id);
    else retry.later(clock.now(), random);
  }

  #setFailing(failing: boolean): void {
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

/** Rethrows an error after which a retry is pointless: the session is over, or this client has a bug. */
function throwIfFinal(error: unknown, signal: AbortSignal): void {
  const transient = error instanceof TransportFailed || (error instanceof ApiError && error.status !== 401);
  if (signal.aborted || !transient) throw error;
}
