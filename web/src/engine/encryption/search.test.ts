import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { IdbStore } from "../storage/idb-store";
import { MemoryStore } from "../storage/store";
import type { DeviceSearchPlace, DeviceSearchQuery } from "../types";
import { find, sentAt } from "./search";
import { type DecryptedMessage, Shelf } from "./shelf";
import { Vault } from "./vault";

/** The id of the n-th message, sent n ms after the epoch. */
const idOf = (n: number): string => `msg_${n.toString(32).padStart(10, "0").replace(/[i-v]/g, (each) => "jkmnpqrstvwxyz"[each.charCodeAt(0) - 105]!)}rest`;

async function deviceWith(decrypted: readonly Partial<DecryptedMessage>[], store: IdbStore | MemoryStore = new MemoryStore()) {
  const vault = new Vault(store, "ada");
  const shelf = new Shelf(vault, null as never);
  decrypted.forEach((each, n) =>
    shelf.remember({ conversationId: "cnv_1", messageId: idOf(n), seq: n, senderId: "bob", deviceId: "d", text: "", expiresAt: null, ...each }),
  );
  await vault.flush();
  return vault;
}

async function all(vault: Vault, query: Partial<DeviceSearchQuery>, now = 0): Promise<string[]> {
  const found: string[] = [];
  let place: DeviceSearchPlace | null = null;
  do {
    const page = await find(vault, { q: "", conversationIds: ["cnv_1"], ...query }, place, now);
    found.push(...page.items.map(({ text }) => text));
    place = page.next;
  } while (place);
  return found;
}

test.each([["IndexedDB", true], ["memory", false]])("in %s all matches are found, newest first, by pages", async (_name, isIdb) => {
  const store = isIdb ? await IdbStore.open("search") : new MemoryStore();
  const vault = await deviceWith(Array.from({ length: 2_100 }, (_, n) => ({ text: n % 21 === 0 ? `Café ${n}` : `tea ${n}` })), store);
  const wanted = Array.from({ length: 100 }, (_, n) => `Café ${n * 21}`).reverse();
  expect(await all(vault, { q: "CAFE" })).toEqual(wanted);
  expect(await all(vault, { q: "afe" })).toEqual([]);
  expect(await all(vault, { q: "cafe 42" })).toEqual(["Café 42", "Café 420"].reverse());
});

test("conversations are searched one after the other, and no others", async () => {
  const vault = await deviceWith(["cnv_1", "cnv_10", "cnv_2"].map((conversationId) => ({ conversationId, text: `tea in ${conversationId}` })));
  expect(await all(vault, { q: "tea", conversationIds: ["cnv_2", "cnv_1"] })).toEqual(["tea in cnv_2", "tea in cnv_1"]);
});

test("sender, date and files narrow it down, and a file is found by its name", async () => {
  const file = { id: "fil_1", name: "Straße.pdf", content_type: "application/pdf", size: 1, key: "", nonce: "" };
  const vault = await deviceWith([{ text: "tea one", senderId: "ada" }, { text: "tea two" }, { files: [file] }]);
  expect(await all(vault, { q: "tea", senderId: "ada" })).toEqual(["tea one"]);
  expect(await all(vault, { q: "tea", before: 1 })).toEqual(["tea one"]);
  expect(await all(vault, { withFiles: true })).toEqual(["Straße.pdf"]);
  expect(await all(vault, { q: "strasse" })).toEqual(["Straße.pdf"]);
  expect(await all(vault, {})).toEqual([]);
});

test("what was deleted or has expired is not found", async () => {
  const vault = await deviceWith([{ text: null }, { text: "tea", expiresAt: new Date(1_000).toISOString() }]);
  expect(await all(vault, { q: "tea" }, 999)).toEqual(["tea"]);
  expect(await all(vault, { q: "tea" }, 1_000)).toEqual([]);
});

test("the time of a message is in its id", () => {
  expect(sentAt("msg_01arz3ndektsv4rrffq69g5fav7")).toBe(Date.parse("2016-07-30T23:54:10.259Z"));
  expect(sentAt(idOf(1_234))).toBe(1_234);
});
