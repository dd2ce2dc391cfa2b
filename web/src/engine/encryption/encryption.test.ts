import { expect, test } from "vitest";
import type { Event } from "../api";
import { TransportFailed } from "../problems";
import { MemoryStore } from "../store";
import { FakeDelivery } from "../testing/fake-delivery";
import { localTabs } from "../testing/local-tabs";
import { Encryption } from "./encryption";
import { CannotDecrypt, GhostDevice, KeySwapped, LogTampered, NotInGroup } from "./errors";
import { openFile } from "./files";

/** A registered device; further tabs of it share its store. */
async function device(server: FakeDelivery, userId: string, { store = new MemoryStore(), machine = localTabs() } = {}) {
  const open = () =>
    Encryption.open({ userId, api: server.api(userId), store, locks: machine.locks, lockName: userId, now: Date.now, uuid: () => crypto.randomUUID() });
  const encryption = await open();
  await encryption.register("a device");
  return Object.assign(encryption, { anotherTab: open });
}

let sent = 0;

/** What somebody says, as the server takes it. */
async function says(server: FakeDelivery, id: string, userId: string, from: Encryption, text: string) {
  const clientId = `client-${(sent += 1)}`;
  return server.say(id, userId, clientId, await from.seal(id, clientId, { text, files: [] })) as unknown as Event;
}
const texts = async (of: Encryption, id: string) => (await of.said(id)).map(({ text }) => text);

/** Ada, who has begun a group, and Bob, who is in it. */
async function two() {
  const server = new FakeDelivery();
  const [ada, bob] = [await device(server, "ada"), await device(server, "bob")];
  const id = server.make("cnv_1", "ada", "bob");
  await ada.begin(id);
  expect(await bob.joinWaiting()).toEqual([id]);
  return { server, ada, bob, id };
}

test("members are brought in, read and are read; a device that comes later reads from then on", async () => {
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

test("who comes and goes is told, by device", async () => {
  const { server, ada, bob, id } = await two();
  const phone = await device(server, "bob");
  await ada.catchUp(id);
  expect((await ada.changes(id)).map(({ deviceId, action }) => [deviceId, action])).toEqual([[phone.deviceId, "added"]]);

  await ada.dismissChanges(id);
  expect(await ada.changes(id)).toEqual([]);
  await bob.catchUp(id);
  expect((await bob.changes(id)).map(({ deviceId }) => deviceId)).toEqual([phone.deviceId]);
});

test("a device that is gone is taken out and reads nothing more", async () => {
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

test("of two commits in one epoch the second is made anew", async () => {
  const { server, ada, bob, id } = await two();
  let raced = false;
  server.before = (route) => {
    if (!raced && route.endsWith("/mls/commits") && route.startsWith("POST")) {
      raced = true;
      throw Object.assign(new Error("race"), { race: true });
    }
  };
  await expect(ada.update(id)).rejects.toThrow("race"); // Ada's commit is made and lies in her store
  await bob.update(id);
  await ada.update(id);
  await says(server, id, "ada", ada, "healed");

  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual(["healed"]);
  expect(server.epochs.get(id)).toBe(4);
});

test("a commit whose answer was lost counts if the log has it", async () => {
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

test("of two devices that begin at once one does, and lets the other in", async () => {
  const server = new FakeDelivery();
  const [ada, bob] = [await device(server, "ada"), await device(server, "bob")];
  const id = server.make("cnv_1", "ada", "bob");
  const bobs = server.devices.find((each) => each.user_id === "bob")?.packages.length;

  await ada.begin(id);
  const log = server.logs.get(id) ?? [];
  const hidden = log.splice(0); // Bob came later and does not see how it began
  await expect(bob.begin(id)).rejects.toThrow(NotInGroup);
  log.push(...hidden);

  expect(server.devices.find((each) => each.user_id === "ada")?.packages.length).toBe(20); // nothing was claimed in vain
  expect(server.devices.find((each) => each.user_id === "bob")?.packages.length).toBe((bobs ?? 0) - 1);
  expect(await bob.joinWaiting()).toEqual([id]);
});

test("with all packages used up a device is brought in by its last one, again and again", async () => {
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

  const [got] = (await bob.said(id))[0]!.files!;
  expect(got).toMatchObject({ id: "fil_1", name: "notes.txt", content_type: "text/plain", size: 15 });
  expect(await (await openFile(sealed, got!)).text()).toBe("one, two, three");
  sealed[3]! ^= 1;
  await expect(openFile(sealed, got!)).rejects.toThrow(CannotDecrypt);
  await expect(ada.content("c2", "", ["fil_2"])).rejects.toThrow(CannotDecrypt);
});

test("two tabs of a device use each key once, and both know what was said", async () => {
  const { server, ada, bob, id } = await two();
  const tab = await bob.anotherTab();
  const first = await says(server, id, "ada", ada, "one");
  const missed = (await tab.catchUp(id)).length; // reads it for both
  expect([missed, await bob.catchUp(id, [first])]).toEqual([1, []]);

  await says(server, id, "bob", bob, "two");
  await says(server, id, "bob", tab, "three");
  await ada.catchUp(id);

  expect(await texts(ada, id)).toEqual(["one", "two", "three"]);
  await bob.catchUp(id);
  expect(await texts(tab, id)).toEqual(["one", "two", "three"]);
});

test("a message that is tried again goes out as it was, and anew once it was refused", async () => {
  const { ada, id } = await two();
  const first = await ada.seal(id, "c1", { text: "hello", files: [] });
  expect(await ada.seal(id, "c1", { text: "hello", files: [] })).toBe(first);
  await ada.unseal("c1");
  expect(await ada.seal(id, "c1", { text: "hello", files: [] })).not.toBe(first);
});

test("what was deleted or has expired is gone from this device as well", async () => {
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

test("a commit that is missing from the log is told", async () => {
  const { server, ada, bob, id } = await two();
  await ada.update(id);
  await ada.update(id);
  const log = server.logs.get(id) ?? [];
  const commits = log.filter((each) => each.type === "mls.commit");
  commits.at(-2)!.type = "message.read"; // dropped, with something else in its place
  await expect(bob.catchUp(id)).rejects.toThrow(LogTampered);
});

test("a message under another's name is told", async () => {
  const { server, ada, bob, id } = await two();
  const event = await says(server, id, "ada", ada, "I am Ada");
  (event.data as { sender_id: string }).sender_id = "bob";
  (event.data as { client_id: string }).client_id = "other";
  await expect(bob.catchUp(id)).rejects.toThrow(LogTampered);
});

test("a damaged message is a gap, and the next one is read", async () => {
  const { server, ada, bob, id } = await two();
  const event = await says(server, id, "ada", ada, "damaged");
  const data = event.data as { ciphertext: string };
  data.ciphertext = `${data.ciphertext.slice(0, -6)}AAAAAA`;
  await says(server, id, "ada", ada, "whole");

  await bob.catchUp(id);
  expect(await texts(bob, id)).toEqual([null, "whole"]);
});

test("a device that its person never registered is not brought in, nor is another key", async () => {
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

test("a key log with another past is told", async () => {
  const { server, ada } = await two();
  server.entries[0]!.key_hash = "0".repeat(64);
  await device(server, "carol");
  await expect(ada.safetyNumber("carol")).rejects.toThrow(LogTampered);
});
