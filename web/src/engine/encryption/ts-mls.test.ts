import { encodeMlsMessage } from "ts-mls/message.js";
import { generateKeyPackage } from "ts-mls/keyPackage.js";
import { expect, test } from "vitest";
import { bytesOf, owned, textOf } from "./bytes";
import { CannotDecrypt } from "./errors";
import type { Group, MadePackage } from "./mls";
import { suite1 } from "./suite";
import { TsMls } from "./ts-mls";

const now = Date.UTC(2026, 10, 29);

async function device(userId: string, deviceId: string, at = Date.now()) {
  const mls = await TsMls.open(() => at);
  const identity = await mls.newIdentity(userId, deviceId);
  return { mls, identity, package: () => mls.newPackage(identity) };
}
type Device = Awaited<ReturnType<typeof device>>;

/** A group that the first device created and the others joined. */
async function group(first: Device, ...others: Device[]): Promise<Group[]> {
  const packages: MadePackage[] = await Promise.all(others.map((each) => each.package()));
  const made = await (await first.mls.create("cnv_1", first.identity)).add(packages.map(({ message }) => message));
  const joined = others.map((each, n) => each.mls.join(made.welcome!, each.identity, packages[n]!));
  return [made.next, ...(await Promise.all(joined))];
}

async function says(from: Group, to: Group, text: string): Promise<[Group, Group, string, string | undefined]> {
  const { group: after, message } = await from.encrypt(bytesOf(text));
  const got = await to.receive(message);
  return [after, got.group, textOf(got.data!), got.sender?.userId];
}

test("a device that joined by a Welcome sends and receives, and each message has its signer", async () => {
  let [ada, bob] = (await group(await device("ada", "phone"), await device("bob", "laptop"))) as [Group, Group];
  let text: string, sender: string | undefined;

  [ada, bob, text, sender] = await says(ada, bob, "hello");
  expect([text, sender]).toEqual(["hello", "ada"]);
  [bob, ada, text, sender] = await says(bob, ada, "hello yourself");
  expect([text, sender]).toEqual(["hello yourself", "bob"]);
  expect(bob.leaves.map(({ userId, deviceId }) => `${userId}/${deviceId}`)).toEqual(["ada/phone", "bob/laptop"]);
});

test("a group that was serialised and loaded continues", async () => {
  const [first, second] = [await device("ada", "phone"), await device("bob", "laptop")];
  let [ada, bob] = (await group(first, second)) as [Group, Group];
  [ada, bob] = await says(ada, bob, "before");

  [ada, bob] = [first.mls.load(ada.bytes), second.mls.load(bob.bytes)];
  const [, , text] = await says(bob, ada, "after");

  expect(text).toBe("after");
});

test("updates and removals change the keys: a removed device decrypts nothing more", async () => {
  let [ada, bob, eve] = (await group(await device("ada", "a"), await device("bob", "b"), await device("eve", "e"))) as [Group, Group, Group];
  const update = await bob.update();
  ada = (await ada.receive(update.message)).group;
  eve = (await eve.receive(update.message)).group;
  bob = update.next;

  const removal = await ada.remove(ada.leaves.filter(({ userId }) => userId === "eve"));
  bob = (await bob.receive(removal.message)).group;
  const seen = await eve.receive(removal.message);
  expect(seen.removed).toBe(true);

  const { message } = await removal.next.encrypt(bytesOf("among us"));
  expect(textOf((await bob.receive(message)).data!)).toBe("among us");
  await expect(eve.receive(message)).rejects.toThrow(CannotDecrypt);
});

test("messages of the previous epoch are decrypted, also out of order, and each only once", async () => {
  let [ada, bob] = (await group(await device("ada", "a"), await device("bob", "b"))) as [Group, Group];
  const one = await ada.encrypt(bytesOf("one"));
  const two = await one.group.encrypt(bytesOf("two"));
  const update = await bob.update();

  bob = update.next;
  const later = await bob.receive(two.message);
  const earlier = await later.group.receive(one.message);

  expect([textOf(later.data!), textOf(earlier.data!)]).toEqual(["two", "one"]);
  await expect(earlier.group.receive(one.message)).rejects.toThrow(CannotDecrypt);
});

test("a message that was changed is refused", async () => {
  const [ada, bob] = (await group(await device("ada", "a"), await device("bob", "b"))) as [Group, Group];
  const { message } = await ada.encrypt(bytesOf("hello"));
  message[message.length - 1]! ^= 1;

  await expect(bob.receive(message)).rejects.toThrow(CannotDecrypt);
  await expect(bob.receive(bytesOf("no message at all"))).rejects.toThrow(CannotDecrypt);
});

test("a key package is valid from an hour before it was made, and is refused after 28 days", async () => {
  const ada = await device("ada", "a", now);
  const { message } = await ada.package();
  const day = 86_400_000;

  const behind = await TsMls.open(() => now - 3_600_000);
  expect(behind.leafOfPackage(message)).toMatchObject({ userId: "ada", deviceId: "a" });
  const later = await TsMls.open(() => now + 28 * day + 1_000);
  expect(() => later.leafOfPackage(message)).toThrow(CannotDecrypt);
});

test("a credential that names no device is refused", async () => {
  const ada = await device("ada", "a");
  const odd = await device("nobody", "");
  const { message } = await odd.package();

  expect(() => ada.mls.leafOfPackage(message)).toThrow(CannotDecrypt);
  await expect((await ada.mls.create("cnv_1", ada.identity)).add([message])).rejects.toThrow();
});

test("a package with a lifetime of more than 400 days is refused by the adding and by the receiving device", async () => {
  const [first, second] = [await device("ada", "a"), await device("bob", "b")];
  const [ada, bob] = (await group(first, second)) as [Group, Group];
  const suite = await suite1();
  const credential = { credentialType: "basic" as const, identity: bytesOf("eve/e") };
  const capabilities = { versions: ["mls10" as const], ciphersuites: [suite.name], extensions: [], proposals: [], credentials: ["basic" as const] };
  const at = BigInt(Math.floor(Date.now() / 1000));
  const lifetime = { notBefore: at, notAfter: at + 401n * 86_400n };
  const { publicPackage } = await generateKeyPackage(credential, capabilities, lifetime, [], suite);
  const message = owned(encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage: publicPackage }));

  expect(() => first.mls.leafOfPackage(message)).toThrow(CannotDecrypt);
  await expect(bob.receive((await ada.add([message])).message)).rejects.toThrow(CannotDecrypt);
});
