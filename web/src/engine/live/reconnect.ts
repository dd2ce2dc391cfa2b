/**
 * Keeps one connection open: decides when to open the next one and when to close the last.
 *
 * Follows the published back-off (`backoff.ts`). After a hint, or at the end of its lifetime, a connection stays in use
 * until its successor is open, so that there is always a socket.
 */
import { Alarm } from "../alarm";
import {
  type ReconnectPolicy,
  backoffDelay,
  delayAfterDrop,
  delayAfterFailure,
  delayAfterHint,
  drawLifetime,
} from "./backoff";
import { Connection, type Frame } from "./connection";
import type { Clock, Dial } from "../ports";
import { ApiError, ConnectionLost, NotSignedIn, TransportFailed } from "../service/problems";

const RETIRE_GRACE_MS = 5_000;

export interface ReconnectParts {
  /** Gets a ticket: the URL that contains it, and the server's window for reconnects. */
  enter: () => Promise<{ url: string; spreadMs: number | null }>;
  dial: Dial;
  clock: Clock;
  random: () => number;
  policy: ReconnectPolicy;
  onOpen: () => void;
  /** The connection in use was lost, or another attempt failed. */
  onDown: () => void;
  onFrame: (connection: Connection, frame: Frame) => void;
}

export class Reconnect {
  readonly #parts: ReconnectParts;
  readonly #retryAlarm: Alarm;
  #current: Connection | null = null;
  #hint: { afterMs: number; alarm: AbortController } | null = null;
  #spreadMs: number | null = null;
  #failures = 0;
  /** The error of the last attempt; null after a successful one. */
  lastError: unknown = null;
  openings = 0;

  constructor(parts: ReconnectParts) {
    this.#parts = parts;
    this.#retryAlarm = new Alarm(parts.clock);
  }

  /** The connection to use, null while there is none. */
  get current(): Connection | null {
    return this.#current?.closed.aborted ? null : this.#current;
  }

  /** Failed attempts in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** The server asks this client to reconnect at a random time within `afterMs`. */
  hint(afterMs: number): void {
    if (this.#hint && !this.#hint.alarm.signal.aborted) {
      this.#hint.afterMs = afterMs;
      this.#hint.alarm.abort();
    }
  }

  /** Ends the wait before the next attempt, also if the present one is still under way and fails. */
  hurry(): void {
    this.#retryAlarm.ring();
  }

  /**
   * Never resolves; rejects when the signal aborts, or with an error after which retrying is pointless (session over).
   */
  async run(signal: AbortSignal): Promise<never> {
    const { clock, policy } = this.#parts;
    let waitMs = 0;
    try {
      for (;;) {
        await this.#retryAlarm.wait(waitMs, signal);
        let connection: Connection;
        try {
          connection = await this.#open(signal);
        } catch (error) {
          if (signal.aborted || isFinal(error)) throw error;
          this.lastError = error;
          this.#failures += 1;
          this.#parts.onDown();
          waitMs = this.#delayAfterFailure(error instanceof ApiError ? error.retryAfterMs : null);
          continue;
        }
        const openedAt = clock.now();
        const hintMs = await this.#untilReplaced(connection, signal);
        this.#retryAlarm.clear();
        this.#failures = clock.now() - openedAt >= policy.stableMs ? 0 : this.#failures + 1;
        if (connection.closed.aborted) this.#parts.onDown();
        waitMs = this.#delayAfterEnd(hintMs, connection.closed.aborted);
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

  /** Waits for a connection's hint, its loss or the end of its lifetime; returns the hint's `afterMs`, if any. */
  async #untilReplaced(connection: Connection, signal: AbortSignal): Promise<number | null> {
    const { clock, policy, random } = this.#parts;
    const hint = this.#hint;
    if (!hint) return null;
    const any = AbortSignal.any([signal, connection.closed, hint.alarm.signal]);
    await clock.sleep(drawLifetime(policy, random), any).catch(() => undefined);
    signal.throwIfAborted();
    return hint.alarm.signal.aborted ? hint.afterMs : null;
  }

  #delayAfterEnd(hintMs: number | null, closed: boolean): number {
    const { policy, random } = this.#parts;
    if (hintMs !== null) {
      this.#spreadMs = Math.max(this.#spreadMs ?? 0, hintMs);
      const waitMs = delayAfterHint(hintMs, random);
      // Hints in quick succession must not make a tight loop.
      const again = this.#failures - 2;
      return again >= 0 ? waitMs + backoffDelay(policy.backoff, again, random) : waitMs;
    }
    if (!closed) return 0; // end of its lifetime, which is random already
    return this.#failures === 0 ? delayAfterDrop(policy, random, this.#spreadMs) : this.#delayAfterFailure(null);
  }

  #delayAfterFailure(retryAfterMs: number | null): number {
    const { policy, random } = this.#parts;
    return delayAfterFailure(policy, this.#failures - 1, random, { spreadMs: this.#spreadMs, retryAfterMs });
  }
}

/** Whether a retry is pointless. */
function isFinal(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 401 || error.status === 403;
  return error instanceof NotSignedIn || !(error instanceof ConnectionLost || error instanceof TransportFailed);
}
