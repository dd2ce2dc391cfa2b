import { expect, test } from "vitest";
import type { Conversation, Event } from "../service/api";
import { ConversationList } from "./conversations";
import { EncryptedFrom } from "../encryption/view";
import { MemoryStore } from "../storage/store";
import { Tabs } from "../storage/tabs";
import { localTabs } from "../testing/local-tabs";
import { until } from "../testing/until";

const machine = localTabs();
const store = new MemoryStore();
const summary = (last_seq: number, encrypted: boolean) => ({ id: "c", last_seq, last_message: null, unread_count: 0, settings: { encrypted } }) as unknown as Conversation;

/** A tab's list; `later` are the conversations that it will read again. */
function list(account = crypto.randomUUID() as string) {
  const tabs = new Tabs({ channel: machine.channel(account), locks: machine.locks, clock: undefined as never, lockName: account, tabId: crypto.randomUUID() });
  const [learned, later]: string[][] = [[], []];
  const from = new EncryptedFrom({ store, account, tabs, onLearn: (id) => void learned!.push(id) });
  const made = new ConversationList({
    userId: "me",
    honest: (conversation, seq) => from.honest(conversation, seq),
    fetch: () => Promise.reject(new Error("not asked")),
    later: (id) => void later!.push(id),
  });
  return { list: made, from, learned, later, account };
}

test("only a whole summary tells from where on a conversation is encrypted", () => {
  const { list: made, from, later } = list();
  made.put(summary(5, false));
  made.apply({ type: "conversation.updated", data: summary(9, true), conversation_id: "c", seq: 6 } as Event);
  made.apply({ type: "message.created", data: null, conversation_id: "c", seq: 7 } as Event);
  expect([made.of("c")?.settings.encrypted, from.of("c"), later]).toEqual([true, Infinity, ["c"]]);
  made.put(summary(9, true));
  expect(from.of("c")).toBe(9);

  const other = list();
  other.list.restore([summary(5, true)]);
  expect(other.from.of("c")).toBe(Infinity);
  other.list.put(summary(6, false)); // the server denies it now
  expect(other.list.of("c")?.settings.encrypted).toBe(true);
});

test("tabs tell each other from where on conversations are encrypted, and the earliest beginning is stored", async () => {
  const first = list();
  const second = list(first.account);
  first.from.learn("c", 5);
  second.from.learn("c", 9); // before it hears of 5
  await until(() => expect(second.from.of("c")).toBe(5));
  expect(second.learned).toEqual(["c", "c"]);

  const third = list(first.account); // has read the store just before the others have stored 5
  third.from.learn("d", 9);
  first.from.learn("d", 5);
  third.from.restore(new Map([["encrypted/d", 9]]));
  await until(() => expect(third.from.of("d")).toBe(5));
  await until(async () => expect([...(await EncryptedFrom.load(store, first.account))]).toEqual([["encrypted/c", 5], ["encrypted/d", 5]]));
});

test("what one has chosen on another device shows here", () => {
  const { list: made, later } = list();
  made.put(summary(5, false));
  const chosen = { muted_until: null, pinned: true, archived: true, notifications: "none" };
  made.apply({ type: "preferences.updated", data: chosen, conversation_id: "c" } as Event);
  expect(made.of("c")).toMatchObject({ ...chosen, last_seq: 5 });
  expect(later).toEqual([]);
});

test("a message to an archived conversation has it read again, as it may have come back", () => {
  const { list: made, later } = list();
  made.put({ ...summary(5, false), archived: true });
  made.apply({ type: "message.created", data: { sender_id: "ann", mentions: [] }, conversation_id: "c", seq: 6 } as unknown as Event);
  expect(later).toEqual(["c"]);
});
