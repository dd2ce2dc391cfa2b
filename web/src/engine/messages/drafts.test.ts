import { expect, test, vi } from "vitest";
import type { Api } from "../service/api";
import { DraftBoard } from "./drafts";
import type { Journal } from "../ports";
import { ApiError, TransportFailed } from "../service/problems";
import { MemoryStore } from "../storage/store";
import { until } from "../testing/until";

/** The drafts of a device; `asked` are the requests to the server, `answer` makes its responses. */
function board(store = new MemoryStore(), answer: () => unknown = () => ({}), journal?: Journal, encrypted: () => boolean | undefined = () => false) {
  const asked: [string, unknown][] = [];
  const call = (method: string) => async (_route: string, question: { body?: { text: string } }) => {
    asked.push([method, question.body?.text]);
    return answer();
  };
  let now = 1_000;
  const clock = { now: () => (now += 1), sleep: async () => undefined };
  const api = { put: call("put"), delete: call("delete"), get: vi.fn(async () => ({ items: [] as unknown[], next_cursor: null })) };
  const drafts = new DraftBoard({ account: "me", api: api as unknown as Api, store, clock, journal, isEncrypted: encrypted });
  return { drafts, asked, api, store };
}
const elsewhere = (text: string | null, at: number) =>
  ({ type: "draft.updated", data: { conversation_id: "c", text, reply_to: null, thread_root: null, written_at: new Date(at).toISOString() } }) as never;

test("a draft is kept at once, survives a reload, and reaches the server", async () => {
  const { drafts, asked, store } = board();
  drafts.write("c", "hel");
  drafts.write("c", "hello", { replyTo: "msg_1" });
  expect(drafts.of("c").get()).toMatchObject({ text: "hello", replyTo: "msg_1" });
  await until(() => expect(asked).toEqual([["put", "hello"]]));
  const { drafts: reloaded } = board(store);
  await reloaded.restore();
  expect(reloaded.of("c").get()).toMatchObject({ text: "hello", replyTo: "msg_1" });
});

test("without a network a draft waits for the next connection, also across a reload", async () => {
  const { drafts, store } = board(new MemoryStore(), () => {
    throw new TransportFailed("cut");
  });
  drafts.write("c", "kept");
  await until(() => expect(drafts.of("c").get().text).toBe("kept"));
  const { drafts: reloaded, asked } = board(store);
  await reloaded.restore();
  await reloaded.renew();
  await until(() => expect(asked).toEqual([["put", "kept"]]));
});

test("of two devices' drafts the later one wins", async () => {
  const { drafts } = board();
  drafts.write("c", "here"); // at about 1 s
  drafts.apply(elsewhere("older", 500));
  expect(drafts.of("c").get().text).toBe("here");
  drafts.apply(elsewhere("newer", 60_000));
  expect(drafts.of("c").get().text).toBe("newer");
  drafts.apply(elsewhere(null, 61_000));
  expect(drafts.of("c").get().text).toBe("");
});

test("a draft that the server refuses for good stays on this device and is not sent again", async () => {
  const { drafts, asked } = board(new MemoryStore(), () => {
    throw new ApiError({ status: 403, code: "encrypted_conversation" });
  });
  drafts.write("c", "secret");
  await until(() => expect(asked).toHaveLength(1));
  await drafts.renew();
  expect(drafts.of("c").get().text).toBe("secret");
  expect(asked).toHaveLength(1);
});

test("a draft in an encrypted conversation is never sent to the server", async () => {
  const { drafts, asked, store } = board(new MemoryStore(), undefined, undefined, () => true);
  drafts.write("c", "secret");
  await drafts.renew();
  await until(async () => expect(await store.loadValue("me", "draft:c")).toMatchObject({ text: "secret" }));
  expect(asked).toEqual([]);
});

test("a draft waits on this device until it is known whether its conversation is encrypted", async () => {
  let encrypted: boolean | undefined;
  const { drafts, asked } = board(new MemoryStore(), undefined, undefined, () => encrypted);
  drafts.write("c", "secret or not");
  await drafts.renew();
  expect(asked).toEqual([]);
  encrypted = false;
  await drafts.renew();
  await until(() => expect(asked).toEqual([["put", "secret or not"]]));
});

test("a thread's draft stays on this device, apart from the conversation's", async () => {
  const { drafts, asked } = board();
  drafts.write("c", "in the thread", { threadRoot: "msg_1" });
  drafts.write("c", "outside");
  await until(() => expect(asked).toEqual([["put", "outside"]]));
  expect(drafts.of("c", "msg_1").get().text).toBe("in the thread");
});

test("a page that ends before the store has written loses nothing", async () => {
  const lines = new Map<string, string>();
  const journal: Journal = {
    write: (key, text) => void lines.set(key, text),
    remove: (key) => void lines.delete(key),
    entries: () => lines,
  };
  const slow = new MemoryStore();
  slow.saveValue = () => new Promise<void>(() => undefined); // the page ends before this resolves
  board(slow, undefined, journal).drafts.write("c", "every letter");

  const { drafts: reloaded } = board(new MemoryStore(), undefined, journal);
  await reloaded.restore();
  expect(reloaded.of("c").get().text).toBe("every letter");
  await until(() => expect(lines.size).toBe(0));
});

test("an unfinished edit survives a reload, apart from the draft, and is not sent to the server", async () => {
  const { drafts, store } = board();
  drafts.writeEdit("c", "msg_1", "a better text");
  drafts.writeEdit("c", "msg_2", "", "root");
  const { drafts: reloaded, asked } = board(store);
  await reloaded.restore();
  await reloaded.renew();
  expect(reloaded.editOf("c").get()).toMatchObject({ text: "a better text", replyTo: "msg_1" });
  expect(reloaded.editOf("c", "root").get()).toMatchObject({ text: "", replyTo: "msg_2" });
  expect(reloaded.of("c").get().text).toBe("");
  reloaded.writeEdit("c", null, "");
  const { drafts: again } = board(store);
  await again.restore();
  expect(again.editOf("c").get().replyTo).toBeNull();
  expect(asked).toEqual([]);
});

test("a thread's draft stays on this device after a reload as well", async () => {
  const { drafts, store } = board();
  drafts.write("c", "in the thread", { threadRoot: "root" });
  const { drafts: reloaded, asked } = board(store);
  await reloaded.restore();
  await reloaded.renew();
  expect(reloaded.of("c", "root").get().text).toBe("in the thread");
  expect(asked).toEqual([]);
});
