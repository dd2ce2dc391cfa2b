/** Locks and channels for "tabs" within one process; each call makes one machine with any number of tabs. */
import type { Channel, Locks } from "../ports";

export function localTabs(): { locks: Locks; channel: (name: string) => Channel } {
  const queues = new Map<string, Promise<unknown>>();
  const rooms = new Map<string, Set<(message: unknown) => void>>();

  const locks: Locks = {
    async hold(name, signal, run) {
      const before = queues.get(name) ?? Promise.resolve();
      const held = (async () => {
        const aborted = new Promise<void>((go) => signal?.addEventListener("abort", () => go(), { once: true }));
        await (signal ? Promise.race([before, aborted]) : before);
        signal?.throwIfAborted(); // leaves the queue; later ones still wait for the earlier holder
        return run();
      })();
      const released = Promise.allSettled([before, held]);
      queues.set(name, released);
      return held;
    },
  };

  const channel = (name: string): Channel => {
    const room = rooms.get(name) ?? new Set();
    rooms.set(name, room);
    let hear: (message: unknown) => void = () => undefined;
    const listener = (message: unknown) => hear(message);
    room.add(listener);
    return {
      post: (message) => {
        const copy: unknown = structuredClone(message);
        for (const each of room) if (each !== listener) setTimeout(() => room.has(each) && each(copy), 0);
      },
      onMessage: (next) => (hear = next),
      close: () => room.delete(listener),
    };
  };
  return { locks, channel };
}
