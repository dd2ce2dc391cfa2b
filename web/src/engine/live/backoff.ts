/**
 * Delays before retries and reconnects: pure functions of a source of randomness. All times are in milliseconds.
 *
 * All delays have full jitter, uniform over a window (AWS Architecture Blog, "Exponential Backoff And Jitter").
 * API Gateway admits 500 new sockets a second. A wide window for the first reconnect keeps all clients together below
 * that, and only the server knows how many clients there are. It publishes the window as `after_ms` of a `reconnect`
 * frame and, for connections that drop without a hint, as `reconnect_spread_ms` of the ticket. The window after a
 * failed attempt is never smaller.
 */
type Random = () => number;

export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/** The longest delay before retry number `attempt`, counted from 0. */
export function backoffWindow({ baseMs, capMs }: Backoff, attempt: number): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** The delay before a retry: the server's Retry-After, if any, and jitter on top. */
export function backoffDelay(backoff: Backoff, attempt: number, random: Random, retryAfterMs: number | null = 0): number {
  return (retryAfterMs ?? 0) + random() * backoffWindow(backoff, attempt);
}

/**
 * When to reconnect. `spreadMs` is the window if the server announced none. A connection is replaced after a random
 * time from the range `lifetimeMs`, before API Gateway ends it at 2 h. One that lived less than `stableMs` counts as a
 * failed attempt, so that a server which accepts connections and drops them is not flooded.
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

/** The delay after a stable connection was lost without a hint. */
export function delayAfterDrop(policy: ReconnectPolicy, random: Random, spreadMs: number | null): number {
  return random() * (spreadMs ?? policy.spreadMs);
}

/** The delay after failure number `attempt` in a row, counted from 0. */
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
