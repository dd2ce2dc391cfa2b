import { describe, expect, test } from "vitest";
import type { Event } from "../service/api";
import { Sequencer } from "./sequencer";

const at = (seq: number, conversation_id = "c"): Event =>
  ({ type: "message.created", data: { id: `m${seq}` }, conversation_id, seq }) as unknown as Event;
const removal = (seq: number, userId: string): Event =>
  ({ type: "member.removed", data: { user: { id: userId } }, conversation_id: "c", seq }) as unknown as Event;
const seqs = (events: Event[]) => events.map((each) => each.seq ?? each.type);

describe("an event from a socket", () => {
  test("is delivered once and in order, in whatever order events arrive", () => {
    const sequencer = new Sequencer({ cursors: { c: 3 } });
    expect(seqs(sequencer.offer(at(5)))).toEqual([]);
    expect(sequencer.behind()).toEqual(["c"]);
    expect(seqs(sequencer.offer(at(5)))).toEqual([]);
    expect(seqs(sequencer.offer(at(4)))).toEqual([4, 5]);
    expect(seqs(sequencer.offer(at(4)))).toEqual([]);
    expect(sequencer.behind()).toEqual([]);
    expect(sequencer.duplicates).toBe(2);
    expect(sequencer.cursors).toEqual({ c: 5 });
  });

  test("of an unknown conversation is held until the log shows where it starts", () => {
    const sequencer = new Sequencer();
    expect(seqs(sequencer.offer(at(7)))).toEqual([]);
    expect(seqs(sequencer.offerLog("c", [at(6), at(7), at(8)]))).toEqual([6, 7, 8]);
  });

  test("is delivered at once if it is the first of a new conversation", () => {
    expect(seqs(new Sequencer().offer(at(1)))).toEqual([1]);
  });

  test("is delivered at once if it has no seq", () => {
    expect(new Sequencer().offer({ type: "typing", data: {} } as Event)).toHaveLength(1);
  });
});

describe("a confirmed stretch of the log", () => {
  test("with a gap means that the reader was removed in between", () => {
    const sequencer = new Sequencer({ cursors: { c: 2 } });
    expect(seqs(sequencer.offerLog("c", [at(9)], { confirmed: true }))).toEqual(["conversation.removed", 9]);
  });
});

describe("a removed reader", () => {
  test("gets no more events until it is known whether they are back", () => {
    const sequencer = new Sequencer({ cursors: { c: 1 }, readerId: "me" });
    expect(seqs(sequencer.offer(removal(2, "me")))).toEqual([2]);
    expect(seqs(sequencer.offer(at(3)))).toEqual([]);
    expect(sequencer.behind()).toEqual(["c"]);
  });

  test("who is back with the whole history continues at the cursor", () => {
    const sequencer = new Sequencer({ cursors: { c: 1 }, readerId: "me" });
    sequencer.offer(removal(2, "me"));
    sequencer.offer(at(3));
    expect(seqs(sequencer.resolve("c", 1))).toEqual([3]);
  });

  test("who is back without the history begins a new log", () => {
    const sequencer = new Sequencer({ cursors: { c: 1 }, readerId: "me" });
    sequencer.offer(removal(2, "me"));
    sequencer.offer(at(5));
    expect(seqs(sequencer.resolve("c", 5))).toEqual(["conversation.removed", 5]);
  });

  test("gets conversation.removed only once", () => {
    const sequencer = new Sequencer({ cursors: { c: 1 } });
    expect(seqs(sequencer.end("c"))).toEqual(["conversation.removed"]);
    expect(seqs(sequencer.end("c"))).toEqual([]);
  });
});

describe("skipping", () => {
  test("continues after the summary's seq with the held events", () => {
    const sequencer = new Sequencer({ cursors: { c: 1 } });
    sequencer.offer(at(900));
    expect(seqs(sequencer.skipTo("c", 899))).toEqual([900]);
    expect(sequencer.behind()).toEqual([]);
  });

  test("never moves the cursor back", () => {
    const sequencer = new Sequencer({ cursors: { c: 7 } });
    expect(sequencer.skipTo("c", 5)).toEqual([]);
    expect(sequencer.cursor("c")).toBe(7);
  });
});

test("whatever order frames come in, the result is the log, once its pages fill the gaps", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = mulberry(seed);
    const sequencer = new Sequencer({ cursors: { c: 0 } });
    const log = Array.from({ length: 40 }, (_, i) => at(i + 1));
    const frames = [...log, ...log]
      .filter(() => random() > 0.3)
      .map((event) => ({ event, order: random() }))
      .sort((a, b) => a.order - b.order);
    const got: Event[] = [];
    for (const { event } of frames) {
      got.push(...sequencer.offer(event));
      if (random() < 0.1) {
        const from = sequencer.cursor("c") ?? 0;
        got.push(...sequencer.offerLog("c", log.slice(from, from + 7), { confirmed: true }));
      }
    }
    got.push(...sequencer.offerLog("c", log.slice(sequencer.cursor("c")), { confirmed: true }));
    expect(seqs(got), `seed ${seed}`).toEqual(log.map((each) => each.seq));
  }
});

/** A seeded random number generator, uniform in [0, 1). */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
