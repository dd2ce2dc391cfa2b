import { expect, test } from "vitest";
import { RECONNECT_POLICY } from "./backoff";
import type { Clock, Wire } from "../ports";
import { ConnectionLost } from "../service/problems";
import { Reconnect } from "./reconnect";
import { until } from "../testing/until";

/** A clock that stands still: whoever sleeps is woken by others only. */
const STILL: Clock = {
  now: () => 0,
  sleep: (_, signal) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true })),
};

function reconnecting(dial: () => Promise<Wire>): { reconnect: Reconnect; stop: () => void } {
  const reconnect = new Reconnect({
    enter: async () => ({ url: "ws://here", spreadMs: null }),
    dial,
    clock: STILL,
    random: () => 0.5,
    policy: RECONNECT_POLICY,
    onOpen: () => {},
    onDown: () => {},
    onFrame: () => {},
  });
  const stopping = new AbortController();
  void reconnect.run(stopping.signal).catch(() => undefined);
  return { reconnect, stop: () => stopping.abort() };
}

test("a network that comes back while an attempt is under way is tried at once when the attempt has failed", async () => {
  const attempts: ((error: Error) => void)[] = [];
  const { reconnect, stop } = reconnecting(() => new Promise((_, fail) => attempts.push(fail)));
  await until(() => expect(attempts).toHaveLength(1));
  reconnect.hurry();
  attempts[0]?.(new ConnectionLost("could not connect"));
  await until(() => expect(attempts).toHaveLength(2));
  stop();
});

test("after a connection that was hurried while it was open the next one is not opened at once", async () => {
  const { reconnect, stop } = reconnecting(async () => ({ send: () => {}, close: () => {} }));
  await until(() => expect(reconnect.current).not.toBeNull());
  reconnect.hurry();
  reconnect.current?.abort();
  await new Promise((go) => setTimeout(go, 20));
  expect(reconnect.openings).toBe(1);
  stop();
});
