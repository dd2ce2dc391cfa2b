/**
 * Keeping one connection open for as long as it is wanted: when to open the next, when to let the last go.
 *
 * Follows the published back-off. After a hint, or at the end of its lifetime, a connection stays in use until its
 * successor is open, so that nothing is missed for want of a socket.
 */
import { Alarm } from "./alarm";
import {
  type ReconnectPolicy,
  backoffDelay,
  delayAfterDrop,
  delayAfterFailure,
  delayAfterHint,
  drawLifetime,
} from "./backoff";
import { Connection, type Frame } from "./connection";
import type { Clock, Dial } from "./ports";
import { ApiError, ConnectionLost, NotSignedIn, TransportFailed } from "./problems";

const RETIRE_GRACE_MS = 5_000;

export interface ReconnectParts {
  /** A ticket: the address with it, and the window that the server announced for coming back. */
  enter: () => Promise<{ url: string; spreadMs: number | null }>;
  dial: Dial;
  clock: Clock;
  random: () => number;
  policy: ReconnectPolicy;
  onOpen: () => void;
  /** The connection in use went away, or one more try failed. */
  onDown: () => void;
  onFrame: (connection: Connection, frame: Frame) => void;
}

export class Reconnect {
  readonly #parts: ReconnectParts;
  readonly #hurry: Alarm;
  #current: Connection | null = null;
  #hint: { afterMs: number; alarm: AbortController } | null = null;
  #spreadMs: number | null = null;
  #failures = 0;
  /** Why the last try failed; null once one went well. */
  lastError: unknown = null;
  openings = 0;

  constructor(parts: ReconnectParts) {
    this.#parts = parts;
    this.#hurry = new Alarm(parts.clock);
  }

  /** The connection to use, null while there is none. */
  get current(): Connection | null {
    return this.#current?.closed.aborted ? null : this.#current;
  }

  /** Failed tries in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** The server would like this client elsewhere, some time within `afterMs`. */
  hint(afterMs: number): void {
    if (this.#hint && !this.#hint.alarm.signal.aborted) {
      this.#hint.afterMs = afterMs;
      this.#hint.alarm.abort();
    }
  }

  /** Do not wait any longer. */
  hurry(): void {
    this.#hurry.ring();
  }

  /** Never resolves; rejects when the signal aborts, or when coming back is pointless: the session is over. */
  async run(signal: AbortSignal): Promise<never> {
    const { clock, policy } = this.#parts;
    let waitMs = 0;
    try {
      for (;;) {
        this.#hurry.clear();
        await this.#hurry.wait(waitMs, signal);
        let connection: Connection;
        try {
          connection = await this.#open(signal);
        } catch (error) {
          if (signal.aborted || isFinal(error)) throw error;
          this.lastError = error;
          this.#failures += 1;
          this.#parts.onDown();
          waitMs = this.#afterFailure(error instanceof ApiError ? error.retryAfterMs : null);
          continue;
        }
        const born = clock.now();
        const hintMs = await this.#untilOver(connection, signal);
        this.#failures = clock.now() - born >= policy.stableMs ? 0 : this.#failures + 1;
        if (connection.closed.aborted) this.#parts.onDown();
        waitMs = this.#afterEnd(hintMs, connection.closed.aborted);
      }
    } finally {
      this.#current?.abort();
    }
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const { enter, dial, clock, onFrame } = this.#parts;
    const { url, spreadMs } = await enter();
    const connection = await Connection.open(dial, url, clock, onFrame);
    if (signal.aborted) {
      connection.abort();
      signal.throwIfAborted();
    }
    const previous = this.#current;
    this.#current = connection;
    if (previous && !previous.closed.aborted) void previous.retire(RETIRE_GRACE_MS);
    this.#spreadMs = spreadMs;
    this.openings += 1;
    this.lastError = null;
    this.#hint = { afterMs: 0, alarm: new AbortController() };
    this.#parts.onOpen();
    return connection;
  }

  /** Waits for the hint, the end or the age of a connection; the hint's `afterMs` if there was one. */
  async #untilOver(connection: Connection, signal: AbortSignal): Promise<number | null> {
    const { clock, policy, random } = this.#parts;
    const hint = this.#hint;
    if (!hint) return null;
    const any = AbortSignal.any([signal, connection.closed, hint.alarm.signal]);
    await clock.sleep(drawLifetime(policy, random), any).catch(() => undefined);
    signal.throwIfAborted();
    return hint.alarm.signal.aborted ? hint.afterMs : null;
  }

  #afterEnd(hintMs: number | null, closed: boolean): number {
    const { policy, random } = this.#parts;
    if (hintMs !== null) {
      this.#spreadMs = Math.max(this.#spreadMs ?? 0, hintMs);
      const waitMs = delayAfterHint(hintMs, random);
      // Hints that come one upon the other must not make a tight loop.
      const again = this.#failures - 2;
      return again >= 0 ? waitMs + backoffDelay(policy.backoff, again, random) : waitMs;
    }
    if (!closed) return 0; // the end of its lifetime, which is spread out already
    return this.#failures === 0 ? delayAfterDrop(policy, random, this.#spreadMs) : this.#afterFailure(null);
  }

  #afterFailure(retryAfterMs: number | null): number {
    const { policy, random } = this.#parts;
    return delayAfterFailure(policy, this.#failures - 1, random, { spreadMs: this.#spreadMs, retryAfterMs });
  }
}

/** Whether trying again can change nothing. */
function isFinal(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 401 || error.status === 403;
  return error instanceof NotSignedIn || !(error instanceof ConnectionLost || error instanceof TransportFailed);
}
