/**
 * When to try again: pure arithmetic over a source of randomness; it never sleeps. Milliseconds throughout.
 *
 * All waits are full jitter, uniform over a window (AWS Architecture Blog, "Exponential Backoff And Jitter").
 * API Gateway admits 500 new sockets a second. What keeps a fleet below that is the window of the first reconnect, and
 * only the server knows how many clients there are: it publishes the window as `after_ms` of a `reconnect` frame, and
 * as `reconnect_spread_ms` of the ticket for drops without a hint. A failed try never waits over less than that.
 */
type Random = () => number;

export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/** The longest wait before retry number `attempt`, which starts at 0. */
export function backoffWindow({ baseMs, capMs }: Backoff, attempt: number): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** The jitter comes on top of a server's Retry-After. */
export function backoffDelay(backoff: Backoff, attempt: number, random: Random, retryAfterMs: number | null = 0): number {
  return (retryAfterMs ?? 0) + random() * backoffWindow(backoff, attempt);
}

/**
 * When a socket comes back. `spreadMs` serves where the server announced none. A connection is replaced after a time
 * drawn from `lifetimeMs`, before API Gateway ends it at 2 h. One that lived less than `stableMs` counts as a failed
 * try, so that a server which accepts and drops is not hammered.
 */
export interface ReconnectPolicy {
  readonly backoff: Backoff;
  readonly spreadMs: number;
  readonly lifetimeMs: readonly [number, number];
  readonly stableMs: number;
}

export const RECONNECT_POLICY: ReconnectPolicy = {
  backoff: { baseMs: 1_000, capMs: 30_000 },
  spreadMs: 5_000,
  lifetimeMs: [6_000_000, 6_900_000],
  stableMs: 10_000,
};

export function delayAfterHint(afterMs: number, random: Random): number {
  return random() * Math.max(0, afterMs);
}

/** After a healthy connection was lost without a hint. */
export function delayAfterDrop(policy: ReconnectPolicy, random: Random, spreadMs: number | null): number {
  return random() * (spreadMs ?? policy.spreadMs);
}

/** After the `attempt`-th failure in a row, from 0. */
export function delayAfterFailure(
  policy: ReconnectPolicy,
  attempt: number,
  random: Random,
  { spreadMs, retryAfterMs }: { spreadMs: number | null; retryAfterMs: number | null },
): number {
  const window = Math.max(backoffWindow(policy.backoff, attempt), spreadMs ?? policy.spreadMs);
  return (retryAfterMs ?? 0) + random() * window;
}

export function drawLifetime(policy: ReconnectPolicy, random: Random): number {
  const [least, most] = policy.lifetimeMs;
  return least + random() * (most - least);
}
