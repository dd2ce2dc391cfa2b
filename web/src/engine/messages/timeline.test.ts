import { expect, test, vi } from "vitest";
import type { Event, Message } from "../service/api";
import { FakeServer } from "../testing/fake-server";
import { TimelineWindow } from "./timeline";
import type { OutboxItem } from "../types";
import { until } from "../testing/until";

const server = new FakeServer();
const message = (seq: number, more: Partial<Message> = {}): Message =>
  ({ ...server.message("c", seq, "ada", "", `text ${seq}`), ...more }) as unknown as Message;
const created = (seq: number): Event => ({ type: "message.created", data: message(seq), conversation_id: "c", seq }) as Event;

/** A timeline of `count` messages; after `hold` the list's answers wait for `release`. */
function timeline(count: number) {
  const all = Array.from({ length: count }, (_, i) => message(i + 1));
  let now = 0;
  let release: (() => void) | null = null;
  const gate = () => new Promise<void>((go) => (release ? (release = go) : go()));
  const pages = {
    list: vi.fn(async ({ before, after, limit }: { before?: number; after?: number; limit: number }) => {
      const found =
        after !== undefined
          ? all.filter((each) => each.seq > after).slice(0, limit)
          : all.filter((each) => each.seq < (before ?? Infinity)).slice(-limit).reverse();
      await gate();
      return found;
    }),
    get: vi.fn(async (id: string) => all.find((each) => each.id === id) ?? Promise.reject(new Error("gone"))),
  };
  const window = new TimelineWindow({
    conversationId: "c",
    userId: "me",
    pages,
    now: () => now,
    sealed: () => "unreadable",
    onClose: () => undefined,
    remember: () => undefined,
  });
  return {
    all,
    window,
    pages,
    seqs: () => window.get().items.map((each) => each.message.seq),
    later: (ms: number) => (now += ms),
    hold: () => (release = () => undefined),
    release: () => {
      const go = release;
      release = null;
      go?.();
    },
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("opens at the end and loads older pages without a gap", async () => {
  const { window, seqs } = timeline(120);
  await window.jumpToEnd();
  expect(seqs()).toEqual(range(71, 120));
  await window.loadOlder();
  await window.loadOlder();
  expect(seqs()).toEqual(range(1, 120));
  expect(window.get()).toMatchObject({ atStart: true, atEnd: true });
});

test("jumps anywhere and loads pages in both directions", async () => {
  const { window, seqs } = timeline(1_000);
  await window.jumpToEnd();
  expect(await window.jumpToSeq(500)).toBe("msg_c_500");
  expect(seqs()).toEqual(range(475, 524));
  await window.loadNewer();
  await window.loadOlder();
  expect(seqs()).toEqual(range(425, 574));
});

test("finds a date by binary search", async () => {
  const { window, pages, all } = timeline(100_000);
  pages.list.mockClear();
  const id = await window.jumpToDate(new Date(all[41_234]?.created_at ?? 0));
  expect(id).toBe("msg_c_41235");
  expect(pages.list.mock.calls.length).toBeLessThan(25);
});

test("a message that arrives while a page loads is not lost", async () => {
  const { window, seqs, hold, release } = timeline(10);
  hold();
  const loading = window.jumpToEnd();
  window.apply(created(11));
  release();
  await loading;
  expect(seqs()).toEqual(range(1, 11));
});

test("an event that the page includes already changes nothing", async () => {
  const { window, seqs } = timeline(10);
  await window.jumpToEnd();
  window.apply(created(10));
  expect(seqs()).toEqual(range(1, 10));
});

test("a new message does not show while the timeline is elsewhere in the history", async () => {
  const { window, seqs } = timeline(500);
  await window.jumpToEnd();
  await window.jumpToSeq(100);
  window.apply(created(501));
  expect(seqs()).not.toContain(501);
  expect(window.get().atEnd).toBe(false);
});

test("reactions are counted once, also when a recent page may include them", async () => {
  const { window, all, pages, later } = timeline(3);
  await window.jumpToEnd();
  const reacted = (user_id: string): Event =>
    ({ type: "reaction.added", data: { message_id: "msg_c_2", user_id, emoji: "👍" }, conversation_id: "c", seq: 4 }) as Event;
  all[1] = message(2, { reactions: [{ emoji: "👍", count: 1, mine: false }] });
  window.apply(reacted("ada")); // this soon after the page was read, the message is fetched again
  await until(() => expect(window.get().items[1]?.message.reactions).toEqual([{ emoji: "👍", count: 1, mine: false }]));
  expect(pages.get).toHaveBeenCalledTimes(1);
  later(10_000);
  window.apply(reacted("bob"));
  expect(window.get().items[1]?.message.reactions).toEqual([{ emoji: "👍", count: 2, mine: false }]);
});

test("unchanged items stay the same objects", async () => {
  const { window, later } = timeline(50);
  await window.jumpToEnd();
  const before = window.get().items;
  later(10_000);
  window.apply({ type: "message.updated", data: message(7, { text: "new" }), conversation_id: "c", seq: 51 } as Event);
  const after = window.get().items;
  expect(after.filter((each, index) => each !== before[index]).map((each) => each.message.seq)).toEqual([7]);
});

test("an optimistic change shows at once and disappears when it is undone", async () => {
  const { window } = timeline(3);
  await window.jumpToEnd();
  const undo = window.patch("msg_c_2", (known) => ({ ...known, text: "edited" }));
  expect(window.get().items[1]?.message.text).toBe("edited");
  undo();
  expect(window.get().items[1]?.message.text).toBe("text 2");
});

test("a failed page shows its error, and the next attempt loads it", async () => {
  const { window, pages, seqs } = timeline(3);
  pages.list.mockRejectedValueOnce(new Error("cut"));
  await window.jumpToEnd();
  expect(window.get().error?.message).toBe("cut");
  await window.jumpToEnd();
  expect(seqs()).toEqual([1, 2, 3]);
});

test("a message's place is that of its seq, and its seq that of its event", async () => {
  const { window, all, seqs } = timeline(3);
  all.push(message(1, { id: "msg_forged" }), message(2, { conversation_id: "other" }), message(3, { id: "msg_nowhere", seq: "x" as never }));
  await window.jumpToEnd();
  expect(seqs()).toEqual([1, 1, 2, 3]);

  window.apply({ ...created(9), data: message(1, { id: "msg_late" }) } as Event);
  window.apply({ type: "message.updated", data: message(1, { id: "msg_c_3" }), conversation_id: "c", seq: 10 } as Event);
  window.apply({ type: "message.deleted", data: message(1, { id: "msg_c_3" }), conversation_id: "c", seq: 11 } as Event);
  window.apply({ ...created(12), data: message(12, { seq: "x" as never }), seq: undefined } as Event);
  expect(seqs()).toEqual([1, 1, 2, 3, 9]);
});

test("an own message that is not sent yet is not sealed, and shows its poll", async () => {
  const { window } = timeline(1);
  await window.jumpToEnd();
  const item = (client_id: string, body: object, state = "pending") =>
    ({ client_id, conversation_id: "c", account: "me", state, created_at: 0, body: { client_id, type: "encrypted", ...body } }) as unknown as OutboxItem;
  const voice = { duration_ms: 1, waveform: [] };
  window.setOutgoing([
    item("voice", { attachment_ids: ["fil_1"], metadata: { voice } }, "failed"),
    item("poll", { text: "Tea?", metadata: { poll: { options: ["yes", "no"], multiple: false } } }),
  ]);
  const [first, file, poll] = window.get().items;
  expect(first).toMatchObject({ state: "sent", sealed: "unreadable" });
  expect(file).toMatchObject({ state: "failed", sealed: undefined, message: { text: "" } });
  expect(poll).toMatchObject({ sealed: undefined, message: { poll: { question: "Tea?", options: [{ text: "yes" }, { text: "no" }] } } });
});
