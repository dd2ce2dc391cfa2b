import { expect, test } from "vitest";
import { FocusHint } from "./focus";
import { NotificationBoard } from "./notifications";
import { ConnectionLost } from "../service/problems";
import type { Api, Event, Notification } from "../service/api";

const told = (n: number, read = false): Notification => ({
  id: `ntf_${n}`,
  kind: "mention",
  text: `Ada mentioned you (${n}).`,
  at: "2026-01-01T00:00:00.000Z",
  read,
});
const frame = (n: number): Event => ({ type: "notification", data: told(n) }) as Event;

/** A service with these entries; `hold` delays the next answers until the function it returns is called. */
function service(entries: Notification[]) {
  let gate: Promise<void> = Promise.resolve();
  let asked = 0;
  const api = {
    get: async (_: string, { query }: { query: { limit: number; cursor?: string } }) => {
      asked += 1;
      const start = Number(query.cursor ?? 0);
      const items = entries.slice(start, start + query.limit);
      const answer = {
        items,
        next_cursor: start + query.limit < entries.length ? `${start + query.limit}` : null,
        unread_count: entries.filter((each) => !each.read).length,
      };
      await gate;
      return answer;
    },
    post: async (_: string, { body }: { body: { up_to: string } }) => ({
      unread_count: entries.filter((each) => !each.read && each.id > body.up_to).length,
    }),
  } as unknown as Api;
  const hold = () => {
    let open = () => {};
    gate = new Promise((resolve) => (open = resolve));
    return open;
  };
  return { api, hold, asked: () => asked };
}

/** A clock whose sleeps end when `pass` is called. */
function stillClock() {
  const waiting: (() => void)[] = [];
  const settled = () => new Promise((go) => setTimeout(go, 0));
  return {
    clock: { now: () => 0, sleep: () => new Promise<void>((resolve) => waiting.push(resolve)) },
    pass: async () => {
      await settled();
      waiting.splice(0).forEach((each) => each());
      await settled();
    },
  };
}

const boardOf = (api: Api, { clock } = stillClock()) => new NotificationBoard({ api, userId: "usr_me", clock });
const receipt = (userId: string, conversation_id: string): Event =>
  ({ type: "receipt.updated", conversation_id, data: { user_id: userId, delivered_seq: 9, read_seq: 9 } }) as Event;

test("the count drops once the conversation was read on any device, with one request for many reads", async () => {
  const entries = [told(3), { ...told(2), conversation_id: "cnv_2" }, { ...told(1), conversation_id: "cnv_1" }];
  const { api, asked } = service(entries);
  const time = stillClock();
  const board = boardOf(api, time);
  await board.load();
  entries[2] = { ...entries[2]!, read: true };
  board.lookAgain("cnv_1");
  board.apply(receipt("usr_me", "cnv_1"));
  board.apply(receipt("usr_me", "cnv_1"));
  expect(asked()).toBe(1);
  await time.pass();
  expect(asked()).toBe(2);
  expect(board.state.get()).toMatchObject({ unread: 2 });
  expect(board.state.get().items.map((each) => each.read)).toEqual([false, false, true]);

  board.lookAgain("cnv_1");
  await time.pass();
  expect(asked()).toBe(2);
});

test("what others read, and what is read where nothing is unread, asks for nothing", async () => {
  const { api, asked } = service([{ ...told(2), conversation_id: "cnv_1", kind: "reaction" }, { ...told(1), conversation_id: "cnv_2" }]);
  const time = stillClock();
  const board = boardOf(api, time);
  await board.load();
  board.apply(receipt("usr_other", "cnv_2"));
  board.apply(receipt("usr_me", "cnv_1"));
  await time.pass();
  expect(asked()).toBe(1);
});

test("what another device read, with all older ones, counts no longer", async () => {
  const entries = [told(3), told(2), told(1)];
  const { api, asked } = service(entries);
  const time = stillClock();
  const board = boardOf(api, time);
  await board.load();
  for (const n of [1, 2]) entries[n] = { ...entries[n]!, read: true };
  board.apply({ type: "notification", data: told(2, true) } as Event);
  await time.pass();
  expect(board.state.get().unread).toBe(1);
  expect(board.state.get().items.map((each) => [each.id, each.read])).toEqual([["ntf_3", false], ["ntf_2", true], ["ntf_1", true]]);
  await board.markRead("ntf_3");
  board.apply({ type: "notification", data: told(3, true) } as Event);
  await time.pass();
  expect(asked()).toBe(2);
});

test("a deleted message and a group that one has left count no longer, and a notification that comes meanwhile does", async () => {
  for (const type of ["message.deleted", "conversation.removed", "conversation.deleted"]) {
    const entries = [{ ...told(1), conversation_id: "cnv_1" }];
    const { api, hold } = service(entries);
    const time = stillClock();
    const board = boardOf(api, time);
    await board.load();
    entries[0] = { ...entries[0]!, read: true };
    board.apply({ type, conversation_id: "cnv_1", data: null } as Event);
    const answer = hold();
    await time.pass();
    board.apply(frame(2));
    answer();
    await time.pass();
    expect(board.state.get().unread).toBe(1);
    expect(board.state.get().items.map((each) => [each.id, each.read])).toEqual([["ntf_2", false], ["ntf_1", true]]);
  }
});

test("a notification that arrives while the list loads is in it once, and counted", async () => {
  const { api, hold } = service([told(1, true)]);
  const board = boardOf(api);
  const answer = hold();
  const loading = board.load();
  board.apply(frame(2));
  answer();
  await loading;
  board.apply(frame(2));
  expect(board.state.get()).toMatchObject({ unread: 1, loaded: true });
  expect(board.state.get().items.map((each) => each.id)).toEqual(["ntf_2", "ntf_1"]);
});

test("marking as read up to a notification leaves newer ones unread", async () => {
  const { api } = service([told(3), told(2), told(1)]);
  const board = boardOf(api);
  await board.load();
  await board.markRead("ntf_2");
  expect(board.state.get().unread).toBe(1);
  expect(board.state.get().items.map((each) => each.read)).toEqual([false, true, true]);
});

test("older notifications follow without a gap or a repetition, though newer ones came meanwhile", async () => {
  const { api } = service(Array.from({ length: 60 }, (_, n) => told(100 + 60 - n, true)));
  const board = boardOf(api);
  await board.load();
  board.apply(frame(300));
  await board.loadMore();
  const ids = board.state.get().items.map((each) => each.id);
  expect(ids).toHaveLength(61);
  expect(new Set(ids).size).toBe(61);
  expect(board.state.get().more).toBe(false);
});

test("the focus is sent once, repeated while it lasts and on each new connection, and withdrawn", async () => {
  const said: (string | null)[] = [];
  const { clock, pass } = stillClock();
  const hint = new FocusHint({ clock, tell: async (id) => said.push(id) });
  hint.show("cnv_1");
  hint.show("cnv_1");
  await pass();
  expect(said).toEqual(["cnv_1", "cnv_1"]);
  hint.renew();
  await pass();
  hint.show(null);
  await pass();
  await pass();
  expect(said).toEqual(["cnv_1", "cnv_1", "cnv_1", "cnv_1", null]);
});

test("without a connection the focus is sent again later", async () => {
  const { clock, pass } = stillClock();
  let tries = 0;
  const hint = new FocusHint({
    clock,
    tell: async () => {
      tries += 1;
      throw new ConnectionLost("none");
    },
  });
  hint.show("cnv_1");
  await pass();
  hint.stop();
  await pass();
  expect(tries).toBe(2);
});
