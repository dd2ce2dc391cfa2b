import { expect, test } from "vitest";
import { bytesOf } from "./bytes";
import { type Change, asChange, asPoll, changed } from "./changes";
import { asData, asVoice } from "./content";
import type { DecryptedMessage } from "./shelf";

const AT = "2026-11-29T12:00:00.000Z";
const text: DecryptedMessage = { conversationId: "cnv_1", messageId: "msg_1", seq: 5, senderId: "ada", deviceId: "d", text: "tea", expiresAt: null };
const after = (decrypted: DecryptedMessage, ...changes: [by: string, change: Omit<Change, "of">][]): DecryptedMessage =>
  changes.reduce((known, [by, change]) => changed(known, { of: "msg_1", ...change }, by, AT), decrypted);

test("a change comes back from its data, all in one size", () => {
  for (const change of [{ edit: "better" }, { react: "🎉", remove: false }, { vote: [0, 2] }, { vote: [] }, { close: true }, { hash: "h".repeat(44), react: "🎉", remove: true }]) {
    const data = asData({ text: "", files: [], change: { of: "msg_1", ...change } });
    expect(data.length).toBe(256);
    expect(asChange(data)).toEqual({ of: "msg_1", ...change });
  }
  for (const each of ["no JSON", "null", '{"text":"tea"}', '{"change":{"of":1}}', '{"change":{"of":"m","vote":["0"]}}']) expect(asChange(bytesOf(each))).toBeNull();
});

test("its sender alone edits a text, and nobody one that is gone", () => {
  expect(after(text, ["ada", { edit: "coffee" }])).toMatchObject({ text: "coffee", changes: { edited_at: AT } });
  expect(after(text, ["bob", { edit: "coffee" }])).toBe(text);
  const gone = { ...text, text: null };
  expect(after(gone, ["ada", { edit: "again" }], ["ada", { react: "🎉" }])).toBe(gone);
});

test("a change counts only for the ciphertext that it means", () => {
  const sealed = { ...text, hash: "h1" };
  expect(after(sealed, ["ada", { hash: "h1", edit: "coffee" }]).text).toBe("coffee");
  for (const hash of ["h2", undefined]) expect(after(sealed, ["ada", { hash, edit: "coffee" }])).toBe(sealed);
  expect(after(text, ["ada", { hash: "h1", edit: "coffee" }]).text).toBe("coffee"); // read by an earlier version
});

test("reactions are counted by person, whatever their names are", () => {
  const party = { react: "🎉" };
  const decrypted = after(text, ["bob", party], ["ada", party], ["bob", party], ["bob", { react: "constructor" }], ["bob", { react: "__proto__" }]);
  expect(decrypted.changes?.reactions).toEqual([
    { emoji: "🎉", by: ["ada", "bob"] },
    { emoji: "constructor", by: ["bob"] },
    { emoji: "__proto__", by: ["bob"] },
  ]);
  expect(after(decrypted, ["bob", { react: "constructor", remove: true }]).changes?.reactions).toHaveLength(2);
});

test("both clients count the characters of a reaction alike", () => {
  const hearts = "🧡".repeat(32);
  expect(after(text, ["bob", { react: hearts }]).changes?.reactions).toEqual([{ emoji: hearts, by: ["bob"] }]);
  expect(after(text, ["bob", { react: "x".repeat(33) }])).toBe(text);
});

test("a description of a voice message with anything but numbers is none, so its sender's text can be edited", () => {
  expect(asVoice({ duration_ms: 1_500, waveform: [0, 50.5] })).toEqual({ duration_ms: 1_500, waveform: [0, 50.5] });
  for (const each of [{ duration_ms: 1 }, { duration_ms: "1", waveform: [] }, { duration_ms: 1, waveform: ["5"] }, JSON.parse('{"duration_ms":1e999,"waveform":[]}')]) {
    expect(asVoice(each)).toBeUndefined();
  }
});

test("of each person the last vote before the end counts", () => {
  const poll = { ...text, poll: { options: ["yes", "no", "later"], multiple: false } };
  const decrypted = after(poll, ["bob", { vote: [0] }], ["bob", { vote: [1] }], ["eve", { vote: [0, 1] }], ["eve", { vote: [3] }], ["bob", { close: true }], ["ada", { vote: [2] }]);
  expect(decrypted.changes).toEqual({ votes: { bob: [1], ada: [2] } });
  expect(after(decrypted, ["ada", { close: true }], ["ada", { vote: [0] }]).changes).toEqual({ votes: { bob: [1], ada: [2] }, closed: true });
  expect(after(poll, ["ada", { edit: "Coffee?" }])).toBe(poll);
  expect([asPoll({ options: ["one"] }), asPoll({ options: [1, 2] }), asPoll(7)]).toEqual([undefined, undefined, undefined]);
});
