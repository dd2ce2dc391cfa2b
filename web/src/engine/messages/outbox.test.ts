import "fake-indexeddb/auto";
import { expect, test, vi } from "vitest";
import type { Message, MessageFields } from "../service/api";
import { clock } from "../browser";
import { IdbStore } from "../storage/idb-store";
import { OutboxLanes } from "./outbox";
import { ApiError, TransportFailed } from "../service/problems";
import type { Store } from "../storage/store";
import type { OutboxItem } from "../types";
import { until } from "../testing/until";

let databases = 0;
const store = () => IdbStore.open(`outbox-${(databases += 1)}`);

function outbox(kept: Store, post: (conversationId: string, body: MessageFields) => Promise<Message>) {
  const changes: OutboxItem[] = [];
  const stop = new AbortController();
  let ids = 0;
  const lanes = new OutboxLanes({
    account: "me",
    store: kept,
    clock,
    random: () => 0.1,
    uuid: () => `id-${(ids += 1)}`,
    backoff: { baseMs: 5, capMs: 20 },
    post,
    onChange: (item) => changes.push(item),
  });
  return { lanes, changes, stop, lead: () => lanes.lead(stop.signal) };
}

const stored = (client_id: string, seq = 1) => ({ id: `msg-${client_id}`, client_id, seq }) as unknown as Message;
const pending = async (kept: Store) => (await kept.items("me")).filter((each) => each.state === "pending").length;

test("messages of a conversation are sent one after the other, in order", async () => {
  const kept = await store();
  const sent: string[] = [];
  let concurrent = 0;
  const { lanes, lead } = outbox(kept, async (_, { client_id }) => {
    expect((concurrent += 1)).toBe(1);
    await clock.sleep(3);
    concurrent -= 1;
    sent.push(client_id);
    return stored(client_id);
  });
  await lead();
  for (const client_id of ["a", "b", "c", "d"]) void lanes.add("c", { client_id, text: client_id });
  await until(async () => expect(sent).toEqual(["a", "b", "c", "d"]));
});

test("messages pending at a reload are sent after it, with the same body", async () => {
  const kept = await store();
  const before = outbox(kept, () => Promise.reject(new TransportFailed("no network")));
  await before.lead();
  await before.lanes.add("c", { client_id: "a", text: "kept" });
  await until(async () => expect((await kept.getItem("a"))?.tries).toBeGreaterThan(0));
  before.stop.abort();
  const bodies: MessageFields[] = [];
  const after = outbox(kept, async (_, body) => (bodies.push(body), stored(body.client_id)));
  await after.lead();
  await until(async () => expect((await kept.getItem("a"))?.state).toBe("sent"));
  expect(bodies).toEqual([{ client_id: "a", text: "kept" }]);
});

test("a permanent refusal fails the message, and the next ones are sent", async () => {
  const kept = await store();
  const { lanes, lead } = outbox(kept, async (_, { client_id }) => {
    if (client_id === "bad") throw new ApiError({ status: 403, code: "blocked" });
    return stored(client_id);
  });
  await lead();
  await lanes.add("c", { client_id: "bad", text: "x" });
  await lanes.add("c", { client_id: "good", text: "y" });
  await until(async () => expect((await kept.getItem("good"))?.state).toBe("sent"));
  expect(await kept.getItem("bad")).toMatchObject({ state: "failed", error: "blocked" });
});

test("a failed message is sent after a retry", async () => {
  const kept = await store();
  let refused = true;
  const sent: string[] = [];
  const { lanes, lead } = outbox(kept, async (_, { client_id }) => {
    if (client_id === "bad" && refused) throw new ApiError({ status: 403, code: "blocked" });
    sent.push(client_id);
    return stored(client_id);
  });
  await lead();
  await lanes.add("c", { client_id: "bad", text: "x" });
  await until(async () => expect((await kept.getItem("bad"))?.state).toBe("failed"));
  refused = false;
  await lanes.retry("bad");
  await until(async () => expect(sent).toEqual(["bad"]));
});

test("overload and outages are waited out", async () => {
  const kept = await store();
  const answers = [new TransportFailed("cut"), new ApiError({ status: 503 }), new ApiError({ status: 429, retry_after: 0.005 })];
  const { lanes, lead } = outbox(kept, async (_, { client_id }) => {
    const error = answers.shift();
    if (error) throw error;
    return stored(client_id);
  });
  await lead();
  await lanes.add("c", { client_id: "a", text: "x" });
  await until(async () => expect(await kept.getItem("a")).toMatchObject({ state: "sent", tries: 4 }));
});

test("a message waits while a second factor is demanded", async () => {
  const kept = await store();
  let demanded = true;
  const { lanes, lead } = outbox(kept, async (_, { client_id }) => {
    if (demanded) throw new ApiError({ status: 403, code: "second_factor_required" });
    return stored(client_id);
  });
  await lead();
  await lanes.add("c", { client_id: "a", text: "x" });
  await until(async () => expect(await kept.getItem("a")).toMatchObject({ state: "pending", error: "second_factor_required" }));
  demanded = false;
  await until(async () => expect(await kept.getItem("a")).toMatchObject({ state: "sent" }));
});

test("a message that is discarded while it is being sent does not come back", async () => {
  const kept = await store();
  const { lanes, lead } = outbox(kept, async () => {
    await clock.sleep(10);
    throw new TransportFailed("cut");
  });
  await lead();
  await lanes.add("c", { client_id: "a", text: "x" });
  await lanes.discard("a");
  await clock.sleep(40);
  expect(await kept.getItem("a")).toBeUndefined();
});

test("the same client_id twice is one message", async () => {
  const kept = await store();
  const { lanes } = outbox(kept, async (_, { client_id }) => stored(client_id));
  await lanes.add("c", { client_id: "a", text: "x" });
  await lanes.add("c", { client_id: "a", text: "x" });
  expect(await pending(kept)).toBe(1);
});

test("a tab that does not lead sends nothing", async () => {
  const kept = await store();
  const post = vi.fn(async () => stored("a"));
  const { lanes } = outbox(kept, post);
  await lanes.add("c", { client_id: "a", text: "x" });
  await clock.sleep(20);
  expect(post).not.toHaveBeenCalled();
});
