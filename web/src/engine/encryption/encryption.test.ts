import { expect, test } from "vitest";
import type { Event, Message } from "../service/api";
import { TransportFailed } from "../service/problems";
import { MemoryStore } from "../storage/store";
import { FakeDelivery } from "../testing/fake-delivery";
import { localTabs } from "../testing/local-tabs";
import { bytesOf, textOf } from "./bytes";
import { Encryption } from "./encryption";
import { CannotDecrypt, GhostDevice, KeySwapped, LogTampered, NotInGroup } from "./errors";
import { openFile } from "./files";
import { FrameCipher } from "./frames";

/** A registered device; `anotherTab` opens a further tab with the same store. */
async function device(server: FakeDelivery, userId: string, { store = new MemoryStore(), machine = localTabs() } = {}) {
  const open = () =>
    Encryption.open({ userId, api: server.api(userId), store, locks: machine.locks, lockName: userId, now: Date.now, uuid: () => crypto.randomUUID() });
  const encryption = await open();
  await encryption.register("a device");
  return Object.assign(encryption, { anotherTab: open });
}

let sent = 0;

/** Sends a message through the server; returns its event. */
async function says(server: FakeDelivery, id: string, userId: string, from: Encryption, text: string) {
  const clientId = `client-${(sent += 1)}`;
  return server.say(id, userId, clientId, await from.seal(id, clientId, { text, files: [] })) as unknown as Event;
}
const texts = async (of: Encryption, id: string) => (await of.decrypted(id)).map(({ text }) => text);

/** Ada has created a group, and Bob's device has joined it. */
async function two() {
  const server = new FakeDelivery();
  const [ada, bob] = [await device(server, "ada"), await device(server, "bob")];
  const id = server.make("cnv_1", "ada", "bob");
  await ada.begin(id);
  expect(await bob.joinWaiting()).toEqual([id]);
  return { server, ada, bob, id };
}

test("members' devices are added and decrypt messages; a device that is added later decrypts from then on", async () => {
  const { server, ada, bob, id } = await two();
  await says(server, id, "ada", ada, "one");
  await says(server, id, "bob", bob, "two");

  const phone = await device(server, "bob");
  await ada.reconcile(id);
  expect(await phone.joinWaiting()).toEqual([id]);
  await says(server, id, "bob", phone, "three");
  for (const each of [ada, bob, phone]) await each.catchUp(id);

  expect(await texts(ada, id)).toEqual(["one", "two", "three"]);
  expect(await texts(bob, id)).toEqual(["one", "two", "three"]);
  expect(await texts(phone, id)).toEqual(["three"]);
  expect(await ada.safetyNumber("bob")).toBe(await bob.safetyNumber("ada"));
});

test("the change of a person who was erased is passed over", async () => {
  const { server, ada, id } = await two();
  server.append(id, "bob", "mls.change", { client_id: "erased", sender_device: null, ciphertext: "" });
  await says(server, id, "ada", ada, "one");
  await ada.catchUp(id);
  expect(await texts(ada, id)).toEqual(["one"]);
});

test("an own change counts once, however often the log brings it", async () => {
  const { server, ada, id } = await two();
  const of = ((await says(server, id, "ada", ada, "one")).data as { id: string }).id;
  await ada.catchUp(id);
  const edit = async (client_id: string, text: string) => {
    const ciphertext = await ada.seal(id, client_id, { text: "", files: [], change: { of, edit: text } });
    return server.append(id, "ada", "mls.change", { client_id, sender_device: null, ciphertext });
  };
  const first = await edit("edit-1", "two");
  await edit("edit-2", "three");
  server.append(id, "ada", "mls.change", first.data);
  await ada.catchUp(id);
  expect(await texts(ada, id)).toEqual(["three"]);
});

test("an answer that comes after the log has brought changes of the message takes none of them back", async () => {
  const { server, ada, bob, id } = await two();
  const said = (await says(server, id, "ada", ada, "one")).data as Message;
  await bob.catchUp(id);
  const ciphertext = await bob.seal(id, "react-1", { text: "", files: [], change: { of: said.id, react: "x" } });
  server.append(id, "bob", "mls.change", { client_id: "react-1", sender_device: null, ciphertext });
  await ada.catchUp(id);

  const shown = await ada.sent(said);
  expect(shown?.changes?.reactions).toEqual([{ emoji: "x", by: ["bob"] }]);
  expect(await ada.decrypted(id)).toEqual([shown]);
});

test("added devices are listed as changes until they are dismissed", async () => {
  const { server, ada, bob, id } = await two();
  const phone = await device(server, "bob");
  await ada.catchUp(id);
  expect((await ada.changes(id)).map(({ deviceId, action }) => [deviceId, action])).toEqual([[phone.deviceId, "added"]]);

  await ada.dismissChanges(id);
  expect(await ada.changes(id)).toEqual([]);
  await bob.catchUp(id);
  expect((await bob.changes(id)).map(({ deviceId }) => deviceId)).toEqual([phone.deviceId]);
});

test("a person's first device is not listed as a change, the next one is", async () => {
  const { server, ada, id } = await two();
  change(server, id, "member.added", "carol");
  await device(server, "carol");
  await ada.reconcile(id);
  expect(await ada.changes(id)).toEqual([]);

  const laptop = await device(server, "carol");
  await ada.catchUp(id);
  expect((await ada.changes(id)).map(({ deviceId }) => deviceId)).toEqual([laptop.deviceId]);
});

test("a deleted device is removed from the group and decrypts nothing more", async () => {
  const { server, ada, bob, id } = await two();
  const phone = await device(server, "bob");
  await bob.reconcile(id);
  await phone.joinWaiting();

  await server.remove("bob", phone.deviceId);
  await ada.reconcile(id, { rekey: true });
  await says(server, id, "ada", ada, "without the phone");

  await expect(phone.catchUp(id)).rejects.toThrow(NotInGroup);
  expect(await phone.isInGroup(id)).toBe(false);
  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["without the phone"]);
  expect(await bob.devices(id)).not.toContain(`bob/${phone.deviceId}`);
});

/** What one device's frame says to another, each with its present keys for calls; null if it cannot be decrypted. */
async function hears(id: string, from: Encryption, to: Encryption, fromUser: string) {
  const [sender, receiver] = [new FrameCipher("cal_1", () => 0), new FrameCipher("cal_1", () => 0)];
  sender.use(await from.mediaKeys(id));
  receiver.use(await to.mediaKeys(id));
  const opened = await receiver.open(fromUser, "audio", (await sender.seal({ context: 1n, counter: 0 }, "audio", bytesOf("hello")))!);
  return opened && textOf(opened);
}

test("the devices of a group have the same keys for calls, others in each epoch, and each call has a number of its own", async () => {
  const { ada, bob, id } = await two();
  expect(await hears(id, ada, bob, "ada")).toBe("hello");
  expect(await hears(id, bob, ada, "bob")).toBe("hello");

  const before = await ada.mediaKeys(id);
  await ada.update(id);
  const after = await ada.mediaKeys(id);
  expect([after.epoch, after.baseKey.extractable]).toEqual([before.epoch + 1, false]);
  expect(await hears(id, ada, bob, "ada")).toBe("hello"); // Bob has caught up
  expect(new Set([await ada.nextCall(), await (await ada.anotherTab()).nextCall(), await ada.nextCall()]).size).toBe(3);
});

test("keys for calls are given only once those who left are out of the group, and to members alone", async () => {
  const { server, ada, bob, id } = await two();
  const carol = await device(server, "carol");
  change(server, id, "member.added", "carol");
  await ada.reconcile(id);
  await carol.joinWaiting();
  expect(await hears(id, carol, ada, "carol")).toBe("hello");

  const old = await carol.mediaKeys(id);
  change(server, id, "member.removed", "carol");
  const keys = await ada.mediaKeys(id);
  expect([...keys.people.values()].sort()).toEqual(["ada", "bob"]);
  const [from, to] = [new FrameCipher("cal_1", () => 0), new FrameCipher("cal_1", () => 0)];
  from.use(keys);
  to.use(old);
  expect(await to.open("ada", "audio", (await from.seal({ context: 1n, counter: 0 }, "audio", bytesOf("secret")))!)).toBeNull();
  expect(await hears(id, ada, bob, "ada")).toBe("hello");
});

/** Removes somebody from a conversation or adds them, with the event in its log. */
function change(server: FakeDelivery, id: string, type: "member.added" | "member.removed", userId: string) {
  const members = server.members.get(id)!;
  if (type === "member.added") members.push(userId);
  else members.splice(members.indexOf(userId), 1);
  server.append(id, "ada", type, { user: { id: userId } });
}

test("a removed member leaves the group before the next message, also if another commit came in between", async () => {
  const { server, ada, bob, id } = await two();
  const carol = await device(server, "carol");
  change(server, id, "member.added", "carol");
  await ada.reconcile(id);
  await carol.joinWaiting();
  await bob.catchUp(id);
  let isFirst = true;
  server.before = (route) => {
    if (!isFirst || route !== "POST /conversations/{conversation_id}/mls/commits") return;
    isFirst = false;
    change(server, id, "member.removed", "carol"); // while Bob's commit is on its way
  };
  await bob.update(id);

  await says(server, id, "ada", ada, "without Carol");
  expect((await ada.devices(id)).some((each) => each.startsWith("carol/"))).toBe(false);
  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["without Carol"]);
});

test("a member who is removed and added again at once joins the group again", async () => {
  const { server, ada, bob, id } = await two();
  change(server, id, "member.removed", "bob");
  change(server, id, "member.added", "bob");
  const log = server.logs.get(id)!;
  const hidden = log.splice(0, log.length - 1); // Bob may not see earlier events
  await expect(bob.catchUp(id)).rejects.toThrow(NotInGroup);
  log.unshift(...hidden);

  await ada.reconcile(id);
  expect(await bob.joinWaiting()).toEqual([id]);
  await says(server, id, "ada", ada, "hello again");
  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["hello again"]);
});

test("a device that joins removes somebody who has left meanwhile before it sends", async () => {
  const server = new FakeDelivery();
  const [ada, bob] = [await device(server, "ada"), await device(server, "bob")];
  await device(server, "carol");
  const id = server.make("cnv_1", "ada", "bob", "carol");
  await ada.begin(id);
  change(server, id, "member.removed", "carol");
  expect(await bob.joinWaiting()).toEqual([id]); // by a Welcome to a group of three
  await says(server, id, "bob", bob, "just us");
  expect((await bob.devices(id)).map((each) => each.split("/")[0]).sort()).toEqual(["ada", "bob"]);
});

test("of two commits in one epoch the second is made again", async () => {
  const { server, ada, bob, id } = await two();
  let raced = false;
  server.before = (route) => {
    if (!raced && route.endsWith("/mls/commits") && route.startsWith("POST")) {
      raced = true;
      throw Object.assign(new Error("race"), { race: true });
    }
  };
  await expect(ada.update(id)).rejects.toThrow("race"); // Ada's commit is stored as pending
  await bob.update(id);
  await ada.update(id);
  await says(server, id, "ada", ada, "healed");

  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["healed"]);
  expect(server.epochs.get(id)).toBe(4);
});

test("a commit whose answer was lost takes effect if the log has it", async () => {
  const { server, ada, bob, id } = await two();
  server.after = (route) => {
    if (!route.startsWith("POST") || !route.endsWith("/mls/commits")) return;
    server.after = () => undefined;
    throw new TransportFailed("the answer was lost");
  };
  await expect(ada.update(id)).rejects.toThrow(TransportFailed);
  await ada.catchUp(id);
  await says(server, id, "ada", ada, "with the new keys");

  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["with the new keys"]);
});

test("of two devices that create the group at once one wins and adds the other", async () => {
  const server = new FakeDelivery();
  const [ada, bob] = [await device(server, "ada"), await device(server, "bob")];
  const id = server.make("cnv_1", "ada", "bob");
  const bobs = server.devices.find((each) => each.user_id === "bob")?.packages.length;

  await ada.begin(id);
  const log = server.logs.get(id) ?? [];
  const hidden = log.splice(0); // Bob cannot see the beginning of the log
  await expect(bob.begin(id)).rejects.toThrow(NotInGroup);
  log.push(...hidden);

  expect(server.devices.find((each) => each.user_id === "ada")?.packages.length).toBe(20); // nothing was claimed in vain
  expect(server.devices.find((each) => each.user_id === "bob")?.packages.length).toBe((bobs ?? 0) - 1);
  expect(await bob.joinWaiting()).toEqual([id]);
});

test("when all packages are used up a device is added with its last-resort package, repeatedly", async () => {
  const server = new FakeDelivery();
  const [ada, bob] = [await device(server, "ada"), await device(server, "bob")];
  server.devices.find(({ user_id }) => user_id === "bob")!.packages = [];
  const ids = ["cnv_1", "cnv_2"].map((each) => server.make(each, "ada", "bob"));
  for (const each of ids) await ada.begin(each);

  expect(await bob.joinWaiting()).toEqual(ids);
  await bob.leavePackages();
  expect(server.devices.find(({ user_id }) => user_id === "bob")!.packages).toHaveLength(20);
});

test("a file is encrypted with a key of its own, and its key travels in the message", async () => {
  const { server, ada, bob, id } = await two();
  const file = new File(["one, two, three"], "notes.txt", { type: "text/plain" });
  const blob = await ada.sealFile("upload-1", file);
  await ada.nameFiles([{ name: "upload-1", id: "fil_1" }]);
  const sealed = new Uint8Array(await blob.arrayBuffer());
  expect(new TextDecoder().decode(sealed)).not.toContain("two");

  server.say(id, "ada", "c1", await ada.seal(id, "c1", await ada.content("c1", "", ["fil_1"])));
  await bob.catchUp(id);

  const [got] = (await bob.decrypted(id))[0]!.files!;
  expect(got).toMatchObject({ id: "fil_1", name: "notes.txt", content_type: "text/plain", size: 15 });
  expect(await (await openFile(blob, got!)).text()).toBe("one, two, three");
  await expect(ada.content("c2", "", ["fil_2"])).rejects.toThrow(CannotDecrypt);
});

test("two tabs of a device use each message key once, and both have the decrypted texts", async () => {
  const { server, ada, bob, id } = await two();
  const tab = await bob.anotherTab();
  const first = await says(server, id, "ada", ada, "one");
  const missed = (await tab.catchUp(id)).length; // decrypts it for both tabs
  expect([missed, await bob.catchUp(id, [first])]).toEqual([1, []]);

  await says(server, id, "bob", bob, "two");
  await says(server, id, "bob", tab, "three");
  await ada.catchUp(id);

  expect(await texts(ada, id)).toEqual(["one", "two", "three"]);
  await bob.catchUp(id);
  expect(await texts(tab, id)).toEqual(["one", "two", "three"]);
});

test("a repeated message keeps its ciphertext; after a refusal it is encrypted again", async () => {
  const { ada, id } = await two();
  const first = await ada.seal(id, "c1", { text: "hello", files: [] });
  expect(await ada.seal(id, "c1", { text: "hello", files: [] })).toBe(first);
  await ada.unseal("c1");
  expect(await ada.seal(id, "c1", { text: "hello", files: [] })).not.toBe(first);
});

test("deleted and expired texts are removed from this device as well", async () => {
  const { server, ada, bob, id } = await two();
  const first = await says(server, id, "ada", ada, "soon deleted");
  const second = await says(server, id, "ada", ada, "soon expired");
  (second.data as unknown as Record<string, string>).expires_at = new Date(Date.now() + 50).toISOString();
  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["soon deleted", "soon expired"]);

  server.append(id, "ada", "message.deleted", { id: (first.data as { id: string }).id });
  await bob.catchUp(id);
  await new Promise((go) => setTimeout(go, 60));

  expect(await texts(bob, id)).toEqual([null]);
});

type Row = { type: string; seq: number; data: Record<string, unknown> };
/** What a misbehaving server does with two consecutive commits of the log. */
const cheats: Record<string, (first: Row, second: Row, log: Row[]) => void> = {
  "is dropped, with something else in its place": (first) => (first.type = "message.read"),
  "is dropped, and the gap is closed": (first, _, log) => {
    log.splice(log.indexOf(first), 1);
    for (const each of log) if (each.seq > first.seq) each.seq -= 1;
  },
  "is dropped, and the gap is left": (first, _, log) => void log.splice(log.indexOf(first), 1),
  "comes after the next one": (first, second) => ([first.data, second.data] = [second.data, first.data]),
  "comes again": (first, second) => (second.data = first.data),
  "comes again under the next epoch": (first, second) => (second.data = { ...first.data, epoch: second.data.epoch }),
};

test.each(Object.keys(cheats))("a commit that %s is detected", async (cheat) => {
  const { server, ada, bob, id } = await two();
  await ada.update(id);
  await ada.update(id);
  const log = (server.logs.get(id) ?? []) as Row[];
  const [first, second] = log.filter((each) => each.type === "mls.commit").slice(-2);
  cheats[cheat]!(first!, second!, log);
  await expect(bob.catchUp(id)).rejects.toThrow(LogTampered);
});

test("a ghost device that a member's commit adds is detected", async () => {
  const { server, ada, bob, id } = await two();
  const eve = await device(server, "eve");
  server.members.get(id)!.push("eve"); // the server lets Ada believe that Eve is a member
  await ada.reconcile(id);
  server.members.get(id)!.pop();
  await expect(bob.catchUp(id)).rejects.toThrow(GhostDevice);
  expect(await eve.joinWaiting()).toEqual([]); // no member any more
});

test("a Welcome into a group that the server made itself is detected", async () => {
  const server = new FakeDelivery();
  const [bob, elsewhere] = [await device(server, "bob"), new FakeDelivery()];
  const evil = await device(elsewhere, "ada"); // the server's own device of Ada, which she has never registered
  elsewhere.devices.push(server.devices.find(({ user_id }) => user_id === "bob")!);
  elsewhere.entries.push({ ...server.entries[0]!, n: 2 });
  const id = elsewhere.make("cnv_1", "ada", "bob");
  await evil.begin(id);
  server.make("cnv_1", "ada", "bob");
  server.logs.set(id, elsewhere.logs.get(id)!);
  server.welcomes.push(...elsewhere.welcomes);
  await expect(bob.joinWaiting()).rejects.toThrow(GhostDevice);
  expect(await bob.isInGroup(id)).toBe(false);
});

test("a key log that grows while it is read is read on, and one that withholds an entry is detected", async () => {
  const { server, ada } = await two();
  let isFirst = true;
  const phone = device(server, "carol");
  await phone;
  server.before = (route) => {
    if (route !== "GET /keys/log/proof" || !isFirst) return;
    isFirst = false;
    server.entries.push({ ...server.entries.at(-1)!, n: server.entries.length + 1, device_id: "laptop" });
  };
  expect(await ada.safetyNumber("carol")).toMatch(/^[0-9 ]{71}$/);
  expect(isFirst).toBe(false);

  const all = server.entries;
  server.before = (route) => {
    const kept = all.filter(({ device_id }) => device_id !== "laptop");
    (server as { entries: typeof all }).entries = route === "GET /keys/log" ? kept : all;
  };
  await expect(ada.safetyNumber("carol")).rejects.toThrow("keeps back");
});

test("a message under somebody else's name is detected", async () => {
  const { server, ada, bob, id } = await two();
  const event = await says(server, id, "ada", ada, "I am Ada");
  (event.data as { sender_id: string }).sender_id = "bob";
  (event.data as { client_id: string }).client_id = "other";
  await expect(bob.catchUp(id)).rejects.toThrow(LogTampered);
});

test("a damaged message stays unreadable, and the next one is decrypted", async () => {
  const { server, ada, bob, id } = await two();
  const event = await says(server, id, "ada", ada, "damaged");
  const data = event.data as { ciphertext: string };
  data.ciphertext = `${data.ciphertext.slice(0, -6)}AAAAAA`;
  await says(server, id, "ada", ada, "whole");

  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual([null, "whole"]);
});

test("an unregistered device is not added, nor a package with another key", async () => {
  const { server, ada, id } = await two();
  const ghost = { user_id: "bob", device_id: "ghost", signature_key: btoa("x".repeat(32)), packages: [] };
  server.devices.push(ghost);
  await expect(ada.reconcile(id)).rejects.toThrow(GhostDevice);
  server.devices.pop();

  const phone = await device(server, "bob");
  const eve = await device(server, "eve");
  const swapped = server.devices.find(({ device_id }) => device_id === eve.deviceId)?.packages[0];
  server.devices.find(({ device_id }) => device_id === phone.deviceId)!.packages[0] = swapped!;
  await expect(ada.reconcile(id)).rejects.toThrow(KeySwapped);
});

test("a key log with a changed past is detected", async () => {
  const { server, ada } = await two();
  server.entries[0]!.key_hash = "0".repeat(64);
  await device(server, "carol");
  await expect(ada.safetyNumber("carol")).rejects.toThrow(LogTampered);
});
