import { afterEach, expect, test } from "vitest";
import type { Api, Conversation, Event, Message, MessageFields } from "../service/api";
import { clock } from "../browser";
import { EncryptedFrom, isInTheClear } from "./view";
import { EncryptionDesk } from "./desk";
import type { Ports } from "../ports";
import { ApiError, TransportFailed } from "../service/problems";
import { MemoryStore } from "../storage/store";
import type { Tabs } from "../storage/tabs";
import { FakeDelivery } from "../testing/fake-delivery";
import { localTabs } from "../testing/local-tabs";
import { until } from "../testing/until";

const open: EncryptionDesk[] = [];
afterEach(() => open.splice(0).forEach((each) => each.stop()));

/** The leading tab of a person; `went` are the messages it sent, `told` its messages to other tabs. */
function desk(server: FakeDelivery, userId: string, id: string, deviceName = "a tab", settings = { encrypted: true }, store = new MemoryStore()) {
  const went: MessageFields[] = [];
  const told: [string, unknown][] = [];
  const conversation = { id, settings, member_count: 2, last_message: null } as unknown as Conversation;
  const tabs = { leading: true, on: () => undefined, tell: (kind: string, body: unknown) => void told.push([kind, body]) } as unknown as Tabs;
  const from = new EncryptedFrom({ store, account: userId, tabs, onLearn: () => undefined });
  const api = server.api(userId);
  const ports = { clock, random: () => 0, uuid: () => crypto.randomUUID(), locks: localTabs().locks } as unknown as Ports & { fetch: typeof fetch };
  const made = new EncryptionDesk({
    userId,
    deviceName,
    api,
    store,
    ports,
    lockName: userId,
    tabs,
    conversation: () => conversation,
    conversations: () => [conversation],
    from,
    send: async (to, body) => {
      went.push(body);
      return server.post(to, userId, body) as unknown as Message;
    },
    onRead: () => undefined,
  });
  open.push(made);
  const shown = made.shown.bind(made);
  return Object.assign(made, { went, told, conversation, from, store, api, ports, shown: (message: Message, place = id) => shown(message, place) });
}
const events = (server: FakeDelivery, id: string, after = 0) => (server.logs.get(id) ?? []).filter(({ seq }) => seq > after) as unknown as Event[];
const messages = (server: FakeDelivery, id: string) =>
  events(server, id).flatMap((each) => (each.type === "message.created" && each.data ? [{ ...each.data, conversation_id: id }] : []));
const ready = (of: EncryptionDesk, id: string) => until(() => expect(of.of(id).get().phase).toBe("ready"));

/** Ada has created the group of an encrypted conversation, and Bob's device has joined. */
async function two() {
  const server = new FakeDelivery();
  const id = server.make("cnv_1", "ada", "bob");
  const [ada, bob] = [desk(server, "ada", id), desk(server, "bob", id)];
  await bob.renew();
  await ada.begin(id);
  bob.apply({ type: "mls.welcome", data: null });
  await Promise.all([ready(ada, id), ready(bob, id)]);
  return { server, id, ada, bob };
}

test("a text is sent only encrypted, shows at once, and the other person decrypts it when its event arrives", async () => {
  const { server, id, ada, bob } = await two();
  await ada.deliver(id, { client_id: "c1", type: "encrypted", text: "between us", reply_to: "msg_0" });

  expect(ada.went).toEqual([{ client_id: "c1", type: "encrypted", ciphertext: expect.any(String), reply_to: "msg_0" }]);
  expect(JSON.stringify(server.logs.get(id))).not.toContain("between us");
  const [message] = messages(server, id);
  expect(ada.shown(message!).text).toBe("between us");
  expect([bob.shown(message!).text, bob.sealed(message!)]).toEqual([null, "unreadable"]); // it is old, so no longer "waiting"

  for (const each of events(server, id)) bob.apply(each);
  expect(bob.sealed(message!)).toBe("waiting");
  await until(() => expect(bob.shown(message!).text).toBe("between us"));
  expect(bob.shown(message!)).toBe(bob.shown(message!));
  expect(bob.told.find(([kind]) => kind === "said")?.[1]).toMatchObject([{ text: "between us" }]); // his other tabs
});

test("edits, reactions and votes go encrypted, and both people's screens show the same", async () => {
  const { server, id, ada, bob } = await two();
  await ada.deliver(id, { client_id: "c1", type: "encrypted", text: "between us" });
  await ada.deliver(id, { client_id: "c2", type: "encrypted", text: "Tea?", metadata: { poll: { options: ["yes, please", "no"], multiple: false } } });
  const [text, poll] = messages(server, id) as [Message, Message];
  const catchUp = () => [ada, bob].forEach((each) => events(server, id).forEach((event) => each.apply(event)));
  catchUp();
  await until(() => expect(bob.changes(poll.id)).toBe(true));

  await bob.change(id, { of: text.id, react: "🎉" });
  await ada.change(id, { of: text.id, edit: "just us" });
  await bob.change(id, { of: text.id, edit: "not mine" });
  for (const vote of [[0], [1]]) await bob.change(id, { of: poll.id, vote });
  await ada.change(id, { of: poll.id, close: true });
  await bob.change(id, { of: poll.id, vote: [0] });
  catchUp();

  for (const [each, mine] of [[ada, false], [bob, true]] as const) {
    await until(() => expect(each.shown(poll).poll?.state).toBe("closed"));
    expect(each.shown(text)).toMatchObject({ text: "just us", edited_at: expect.any(String), reactions: [{ emoji: "🎉", count: 1, mine }] });
    expect(each.shown(poll).poll).toMatchObject({ question: "Tea?", total_voters: 1, my_votes: mine ? ["1"] : [] });
    expect(each.shown(poll).poll?.options.map(({ text, votes }) => [text, votes])).toEqual([["yes, please", 0], ["no", 1]]);
  }
  for (const plain of ["🎉", "just us", "Tea?", "yes, please"]) expect(JSON.stringify([server.logs.get(id), ada.went])).not.toContain(plain);
});

test("a voice message's length and waveform go encrypted, as does its recording", async () => {
  const { server, id, ada, bob } = await two();
  const blob = await ada.sealFile("voice-1", new File(["sound"], "voice.webm", { type: "audio/webm" }));
  await ada.nameFiles([{ clientId: "voice-1", file: { id: "fil_1" } }]);
  const voice = { duration_ms: 61_234, waveform: [0, 50, 100] };
  await ada.deliver(id, { client_id: "c1", type: "encrypted", attachment_ids: ["fil_1"], metadata: { voice } });

  expect(await blob.text()).not.toContain("sound");
  expect(ada.went).toEqual([{ client_id: "c1", type: "encrypted", ciphertext: expect.any(String), attachment_ids: ["fil_1"] }]);
  for (const each of events(server, id)) bob.apply(each);
  const [message] = messages(server, id);
  await until(() => expect(bob.shown(message!).metadata).toEqual({ voice }));
  expect(bob.opens("fil_1")).toBe(true);

  let fetched = 0;
  bob.ports.fetch = async () => (fetched++, new Response(blob));
  bob.api.get = (async () => ({ url: "https://storage/fil_1" })) as unknown as Api["get"];
  const opened = await Promise.all([bob.openFile("fil_1"), bob.openFile("fil_1")]); // a second press meanwhile
  expect([await opened[0].text(), await opened[1].text(), fetched]).toEqual(["sound", "sound", 1]);
  await bob.openFile("fil_1");
  expect(fetched).toBe(2);
});

test("a text that was decrypted before its event arrived shows when it does", async () => {
  const { server, id, ada, bob } = await two();
  await ada.deliver(id, { client_id: "c1", type: "encrypted", text: "between us" });
  await bob.mediaKeys(id); // reads the log
  for (const each of events(server, id)) bob.apply(each);
  await until(() => expect(bob.shown(messages(server, id)[0]!).text).toBe("between us"));
});

test("calls have keys in every conversation whose group this device is in, whatever the server says of its settings", async () => {
  const { server, id, ada } = await two();
  for (const deviceName of ["a tab", ""]) expect(await desk(server, "ada", "cnv_2", deviceName, { encrypted: false }).mediaKeys("cnv_2")).toBeNull();
  await expect(desk(server, "ada", id, "").mediaKeys(id)).rejects.toMatchObject({ code: "withheld" });
  ada.conversation.settings = { encrypted: false } as Conversation["settings"];
  expect((await ada.mediaKeys(id))?.epoch).toBe(server.epochs.get(id));
  expect(ada.of(id).get().epoch).toBe(server.epochs.get(id));
});

test("no call is made without encryption while it is unknown whether this device is in a group", async () => {
  const store = Object.assign(new MemoryStore(), { loadValue: () => Promise.reject(new Error("not now")) });
  await expect(desk(new FakeDelivery(), "ada", "cnv_1", "a tab", { encrypted: false }, store).mediaKeys("cnv_1")).rejects.toThrow("not now");
});

test("after a device was removed the group gets new keys before the next message", async () => {
  const { server, id, ada, bob } = await two();
  const phone = desk(server, "bob", id);
  await phone.renew();
  const [device] = server.devices.filter(({ user_id }) => user_id === "bob").slice(-1);
  await server.remove("bob", device!.device_id);
  const epoch = server.epochs.get(id)!;

  await ada.deliver(id, { client_id: "c1", text: "only us" });

  expect(ada.went).toHaveLength(2); // the first was refused
  expect(server.epochs.get(id)).toBeGreaterThan(epoch);
  for (const each of events(server, id)) bob.apply(each);
  await until(() => expect(bob.shown(messages(server, id)[0]!).text).toBe("only us"));
});

test("a message encrypted for a past epoch is encrypted again", async () => {
  const { server, id, ada, bob } = await two();
  const send = server.post.bind(server);
  let late = true;
  server.post = (...given) => {
    if (late) {
      late = false;
      throw new ApiError({ status: 409, code: "epoch_old" });
    }
    return send(...given);
  };

  await ada.deliver(id, { client_id: "c1", text: "again" });

  const [first, second] = ada.went.map(({ ciphertext }) => ciphertext);
  expect(first).not.toBe(second);
  for (const each of events(server, id)) bob.apply(each);
  await until(() => expect(bob.shown(messages(server, id)[0]!).text).toBe("again"));
});

test("a message whose answer was lost is sent again with the same ciphertext, also after the log has brought it", async () => {
  const { server, id, ada } = await two();
  const send = server.post.bind(server);
  server.post = (...given) => {
    send(...given);
    server.post = send;
    throw new TransportFailed("the answer was lost");
  };
  await expect(ada.deliver(id, { client_id: "c1", text: "once" })).rejects.toThrow(TransportFailed);
  for (const each of events(server, id)) ada.apply(each);
  await until(() => expect(ada.told.some(([kind]) => kind === "said")).toBe(true));

  const message = await ada.deliver(id, { client_id: "c1", text: "once" });

  await ada.deliver(id, { client_id: "c1", text: "once" }); // as after a tab that ended before it stored the answer
  expect(ada.went.slice(1)).toEqual([ada.went[0], ada.went[0]]);
  expect(ada.shown({ ...message, conversation_id: id }).text).toBe("once");
  expect(messages(server, id)).toHaveLength(1);
});

test("a device that is not in the group yet waits until a member's device adds it", async () => {
  const { server, id, ada } = await two();
  await ada.dismissChanges(id);
  const laptop = desk(server, "bob", id);
  await laptop.renew();
  await laptop.look(id);
  expect(laptop.of(id).get().phase).toBe("waiting");
  await expect(laptop.deliver(id, { client_id: "c1", text: "too early" })).rejects.toMatchObject({ code: "not_in_group", transient: true });
  expect(laptop.went).toEqual([]);

  for (const each of events(server, id, 1)) ada.apply(each); // Ada's tab sees the new device
  await until(() => expect(server.welcomes).toHaveLength(1));
  laptop.apply({ type: "mls.welcome", data: null });
  await ready(laptop, id);
  await laptop.deliver(id, { client_id: "c1", text: "now" });

  expect(ada.of(id).get().changes).toMatchObject([{ userId: "bob", action: "added" }]);
  expect(laptop.went).toHaveLength(1);
});

test("proof of a misbehaving server breaks the conversation, and nothing more is sent", async () => {
  const { server, id, ada, bob } = await two();
  server.append(id, "eve", "mls.commit", { epoch: 7, sender_device: null, size: 1, commit: "AAAA" });
  for (const each of events(server, id, 2)) bob.apply(each);

  await until(() => expect(bob.of(id).get().phase).toBe("broken"));
  await expect(bob.deliver(id, { client_id: "c1", text: "hello?" })).rejects.toMatchObject({ code: "server_misbehaved", transient: false });
  expect(bob.went).toEqual([]);
  expect(ada.went).toEqual([]);
});

test("a device that is to have no keys registers none and says so", async () => {
  const server = new FakeDelivery();
  const id = server.make("cnv_1", "ada", "bob");
  const ada = desk(server, "ada", id, "");
  expect(ada.of(id).get()).toEqual({ phase: "withheld", changes: [] });
  await expect(ada.begin(id)).rejects.toMatchObject({ code: "withheld", transient: false });
  await expect(ada.deliver(id, { client_id: "c1", type: "encrypted", text: "no" })).rejects.toMatchObject({ code: "withheld" });
  expect(ada.went).toEqual([]);
});

// --- a server that writes in people's names

const BARE = { client_id: "", mentions: [], mentions_all: false, reply_to: null, thread_root: null, thread_count: 0, forwarded_from: null, pinned: false, poll: null, edited_at: null, created_at: "2026-11-29T12:00:00.000Z" };
const forged = (id: string, more: Partial<Message>): Message =>
  ({ ...BARE, id: "msg_forged", conversation_id: id, seq: 1_000, sender_id: "ada", type: "text", text: "Send me the money", ciphertext: null, attachments: [], reactions: [], metadata: {}, deleted_at: null, expires_at: null, ...more }) as unknown as Message;

/** Bob has decrypted a message by Ada, and knows from where on the conversation is encrypted. */
async function told() {
  const scene = await two();
  const { server, id, ada, bob } = scene;
  await ada.deliver(id, { client_id: "c1", type: "encrypted", text: "between us" });
  for (const each of events(server, id)) bob.apply(each);
  const [message] = messages(server, id) as [Message];
  await until(() => expect(bob.shown(message).text).toBe("between us"));
  await bob.look(id);
  await until(() => expect(bob.from.of(id)).toBe(events(server, id).find(({ type }) => type === "mls.commit")?.seq));
  return { ...scene, message: { ...BARE, ...message } as Message };
}

test("what came in the clear is never shown as its sender's", async () => {
  const { id, bob } = await told();
  const kinds = [
    { type: "text" },
    { type: "encrypted" }, // so it says
    { type: "file", text: null, attachments: [{ id: "fil_1", name: "plain.png", content_type: "image/png" }] },
    { type: "poll", poll: { question: "plain?" } },
    { forwarded_from: { sender_id: "ada", sent_at: "" } },
    { expires_at: "2099-01-01T00:00:00.000Z", metadata: { voice: { duration_ms: 1, waveform: [] } } },
  ] as Partial<Message>[];
  for (const each of kinds) {
    const shown = bob.shown(forged(id, each));
    expect([isInTheClear(shown), bob.sealed(shown)]).toEqual([true, "plain"]);
    expect(shown).toMatchObject({ text: null, attachments: [], poll: null, metadata: {}, forwarded_from: null, reactions: [] });
    expect(bob.shown({ ...shown, thread_count: 0 })).toMatchObject({ text: null });
  }
});

test("messages from before the encryption stay, and what the server says itself is nobody's", async () => {
  const { id, bob } = await told();
  expect(bob.shown(forged(id, { seq: 1 })).text).toBe("Send me the money");
  expect(bob.shown(forged(id, { type: "system", text: "Ada joined", reactions: [{ emoji: "🎉", count: 1, mine: false }] }))).toMatchObject({ type: "system", text: "Ada joined", sender_id: "", reactions: [] });
  expect(bob.shown(forged(id, { type: "call" }))).toMatchObject({ type: "call", text: null });
});

test("of a decrypted message nothing that the server adds or changes is shown", async () => {
  const { id, bob, message } = await told();
  const more = {
    type: "text",
    text: "Send me the money",
    sender_id: "bob",
    edited_at: "2026-11-29T12:00:00.000Z",
    reactions: [{ emoji: "👎", count: 9, mine: false }],
    poll: { question: "plain?" },
    metadata: { voice: { duration_ms: 1, waveform: [] } },
    attachments: [{ id: "fil_1", name: "plain.png", content_type: "image/png" }],
    forwarded_from: { sender_id: "bob", sent_at: "" },
  } as unknown as Partial<Message>;
  expect(bob.shown({ ...message, ...more })).toMatchObject({
    type: "encrypted",
    text: "between us",
    sender_id: "ada",
    edited_at: null,
    reactions: [],
    poll: null,
    metadata: {},
    attachments: [],
    forwarded_from: null,
  });
  expect(isInTheClear(bob.shown({ ...message, conversation_id: "cnv_2" }, "cnv_2"))).toBe(false);
  expect(bob.shown({ ...message, conversation_id: "cnv_2" }, "cnv_2").text).toBeNull(); // said elsewhere
  expect(bob.shown({ ...message, id: "msg_other", reactions: more.reactions! })).toMatchObject({ text: null, reactions: [] });
  expect(bob.from.of(id)).toBeLessThan(message.seq);
});

test("a server that denies the encryption later is not believed, also after a restart", async () => {
  const { server, id, bob } = await told();
  expect(bob.told).toContainEqual(["encrypted", { conversationId: id, seq: bob.from.of(id) }]); // his other tabs
  bob.stop();
  const later = desk(server, "bob", id, "a tab", { encrypted: false }, bob.store);
  later.from.restore(await EncryptedFrom.load(bob.store, "bob"));
  expect(later.takes(id, { type: "text" })).toBe(true);
  expect(isInTheClear(later.shown(forged(id, {})))).toBe(true);
  expect(later.from.honest(later.conversation).settings.encrypted).toBe(true);
  expect(later.from.learn(id, 999)).toBe(false); // a later beginning is not believed either
});

test("a server that exchanges two messages' ids moves no change and no quote", async () => {
  const { server, id, ada, bob } = await two();
  for (const text of ["one", "two"]) await ada.deliver(id, { client_id: text, text });
  const [one, other] = messages(server, id).map((each) => ({ ...BARE, ...each }) as Message) as [Message, Message];
  const exchange = (each: Event): Event => {
    const of = each.type === "message.created" ? each.data?.id : undefined;
    return of === one.id || of === other.id ? ({ ...each, data: { ...each.data, id: of === one.id ? other.id : one.id } } as Event) : each;
  };
  await ada.change(id, { of: one.id, edit: "never two" });
  await ada.deliver(id, { client_id: "c3", text: "to one", reply_to: one.id });
  await ada.deliver(id, { client_id: "c4", text: "to none" });
  for (const each of events(server, id)) bob.apply(exchange(each));
  const [, , reply, none] = messages(server, id).map((each) => ({ ...BARE, ...each }) as Message) as [Message, Message, Message, Message];
  await until(() => expect(bob.shown(none).text).toBe("to none"));

  expect([bob.shown(other).text, bob.shown(one).text]).toEqual(["one", "two"]);
  expect(bob.quoted(reply, one)).toBeUndefined();
  expect(bob.quoted(reply, other)).toBeUndefined();
  expect(bob.shown({ ...none, reply_to: one.id }).reply_to).toBeNull();
  expect(ada.shown(reply).reply_to).toBe(one.id);
  for (const each of events(server, id)) ada.apply(each);
  await until(() => expect(ada.quoted(reply, one)?.text).toBe("never two"));
});

test("a device that is in a group knows so, whatever the server has said since", async () => {
  const { server, id, bob } = await told();
  bob.stop();
  const later = desk(server, "bob", id, "a tab", { encrypted: false }, bob.store); // as stored by an earlier version
  await later.renew();
  expect(isInTheClear(later.shown(forged(id, {})))).toBe(true);
});

test("a device without keys shows nothing in the clear either", async () => {
  const server = new FakeDelivery();
  const id = server.make("cnv_1", "ada", "bob");
  await desk(server, "ada", id).begin(id);
  const bob = desk(server, "bob", id, "");
  await bob.look(id);
  await until(() => expect(bob.from.of(id)).toBe(3));
  expect(isInTheClear(bob.shown(forged(id, {})))).toBe(true);
});

test("a message without a seq is from after the beginning of the encryption", async () => {
  const { id, bob } = await told();
  for (const seq of [undefined, "x"]) expect(bob.shown(forged(id, { seq } as never))).toMatchObject({ text: null });
});

test("a deleted message has no content, and one is deleted only at a time", async () => {
  const { id, bob, message } = await told();
  const deleted_at = "2026-11-29T12:00:00.000Z";
  for (const each of [forged(id, { deleted_at }), { ...message, deleted_at }]) {
    const shown = bob.shown(each);
    expect([shown.text, shown.deleted_at, isInTheClear(shown), bob.sealed(shown)]).toEqual([null, deleted_at, false, undefined]);
  }
  for (const never of [undefined, ""]) {
    expect(isInTheClear(bob.shown(forged(id, { deleted_at: never } as never)))).toBe(true);
    expect(bob.shown({ ...message, deleted_at: never } as never)).toMatchObject({ text: "between us", deleted_at: null });
  }
});

test("a message belongs to the conversation in which it stands, whatever it says itself", async () => {
  const { id, bob, message } = await told();
  expect(isInTheClear(bob.shown(forged("cnv_2", {}), id))).toBe(true);
  expect(bob.shown({ ...message, conversation_id: "cnv_2" }, id)).toMatchObject({ text: "between us", conversation_id: id });
  expect(bob.shown(forged("cnv_2", { seq: 1 }), id)).toMatchObject({ text: "Send me the money", conversation_id: id });
});

test("what is no seq moves no beginning", async () => {
  const { id, bob } = await told();
  const known = bob.from.of(id)!;
  for (const seq of [undefined, NaN, "x", null]) expect(bob.from.learn(id, seq as never)).toBe(false);
  expect(bob.from.of(id)).toBe(known);
  expect((await EncryptedFrom.load(bob.store, "bob")).get(`encrypted/${id}`)).toBe(known);
});

test("a beginning before the first seq, which an earlier version has stored, hides nothing and is mended", async () => {
  const { id, bob } = await told();
  const store = new MemoryStore();
  await store.saveValue("bob", `encrypted/${id}`, 0);
  const later = desk(new FakeDelivery(), "bob", id, "a tab", { encrypted: false }, store);
  later.from.restore(await EncryptedFrom.load(store, "bob"));
  expect(later.takes(id, { type: "text" })).toBe(true);
  expect(later.shown(forged(id, {})).text).not.toBeNull();
  expect(later.from.learn(id, bob.from.of(id)!)).toBe(true);
});

test("a group that was never begun does not tell from where on a conversation is encrypted", async () => {
  const server = new FakeDelivery();
  const id = server.make("cnv_1", "ada", "bob");
  const ada = desk(server, "ada", id);
  server.before = (route) => {
    if (route.startsWith("POST") && route.endsWith("/mls/commits")) throw new TransportFailed("cut");
  };
  await expect(ada.begin(id)).rejects.toThrow(TransportFailed);
  await ada.renew();
  expect(ada.from.of(id)).toBeUndefined();
});
