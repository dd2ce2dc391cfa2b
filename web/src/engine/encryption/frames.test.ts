import { expect, test } from "vitest";
import type { MediaKeys } from "../types";
import { bytesOf, textOf } from "./bytes";
import { FrameCipher, clearBytes } from "./frames";
import { importBaseKey } from "./sframe";

const PEOPLE = ["ada", "bob", "carol"];

/** What each of three people (leaf 0, 1, 2) has of an epoch; the epoch's number also makes its key. */
async function keys(epoch: number, owner: string, people = PEOPLE): Promise<MediaKeys> {
  const baseKey = await importBaseKey(new Uint8Array(16).fill(epoch));
  const present = PEOPLE.flatMap((each, n) => (people.includes(each) ? [[n, each] as const] : []));
  return { epoch, baseKey, ownIndex: PEOPLE.indexOf(owner), people: new Map(present) };
}

/** Ada's and Bob's sides of a call in epoch 1, with a common clock; `at` is its time in ms. */
async function two() {
  const clock = { at: 0 };
  const [ada, bob] = [new FrameCipher("cal_1", () => clock.at), new FrameCipher("cal_1", () => clock.at)];
  ada.use(await keys(1, "ada"));
  bob.use(await keys(1, "bob"));
  return { clock, ada, bob, stream: { context: 1n << 12n, counter: 0 } };
}
const opened = async (by: FrameCipher, frame: Uint8Array<ArrayBuffer> | null, from = "ada") => {
  const found = frame && (await by.open(from, "audio", frame));
  return found && textOf(found);
};

test("a frame is encrypted as a whole and opened by the others in the call", async () => {
  const { ada, bob, stream } = await two();
  const frame = await ada.seal(stream, "audio", bytesOf("hello"));
  expect(textOfAnything(frame!)).not.toContain("hello");
  expect(await opened(bob, frame)).toBe("hello");
});
const textOfAnything = (bytes: Uint8Array) => String.fromCharCode(...bytes);

test("no two frames have the same key id and counter, in no stream and no epoch", async () => {
  const { ada, clock } = await two();
  const streams = [1n, 2n, 5n << 12n].map((context) => ({ context, counter: 0 }));
  const seen = new Set<string>();
  for (const epoch of [1, 2]) {
    ada.use(await keys(epoch, "ada"));
    clock.at += 2_000;
    for (const each of [...streams, ...streams]) seen.add(textOfAnything((await ada.seal(each, "audio", bytesOf("")))!.slice(0, -16)));
  }
  expect(seen.size).toBe(12);
});

test("without keys nothing is sent, and nothing received", async () => {
  const { ada, stream } = await two();
  const keyless = new FrameCipher("cal_1", () => 0);
  expect(await keyless.seal(stream, "audio", bytesOf("hello"))).toBeNull();
  expect(await opened(keyless, await ada.seal(stream, "audio", bytesOf("hello")))).toBeNull();
});

test("what is not encrypted, of another call, of somebody else, or comes twice is refused", async () => {
  const { ada, bob, stream } = await two();
  const frame = await ada.seal(stream, "audio", bytesOf("hello"));
  expect(await opened(bob, bytesOf("plain speech"))).toBeNull();
  expect(await opened(bob, new Uint8Array())).toBeNull();
  expect(await opened(bob, frame, "carol")).toBeNull(); // the server passes Ada's voice off as Carol's
  const other = new FrameCipher("cal_2", () => 0);
  other.use(await keys(1, "bob"));
  expect(await opened(other, frame)).toBeNull();
  expect(await opened(bob, frame)).toBe("hello");
  expect(await opened(bob, frame)).toBeNull();
});

test("frames may overtake each other, but not by far", async () => {
  const { ada, bob, stream } = await two();
  const frames = [];
  for (let n = 0; n < 300; n += 1) frames.push(await ada.seal(stream, "audio", bytesOf(`${n}`)));
  expect(await opened(bob, frames[299]!)).toBe("299");
  expect(await opened(bob, frames[100]!)).toBe("100");
  expect(await opened(bob, frames[0]!)).toBeNull();
});

test("somebody who makes ever more streams is not heard on the further ones, and others are", async () => {
  const { ada, bob } = await two();
  for (let n = 1; n <= 1_000; n += 1) await opened(bob, await ada.seal({ context: BigInt(n), counter: 0 }, "audio", bytesOf("")));
  expect(await opened(bob, await ada.seal({ context: 1_001n, counter: 0 }, "audio", bytesOf("one more")))).toBeNull();
  expect(await opened(bob, await ada.seal({ context: 1n, counter: 1 }, "audio", bytesOf("known")))).toBe("known");
  const carol = new FrameCipher("cal_1", () => 0);
  carol.use(await keys(1, "carol"));
  expect(await opened(bob, await carol.seal({ context: 1n, counter: 0 }, "audio", bytesOf("me too")), "carol")).toBe("me too");
});

test("when somebody joins, the new keys are used for sending after a moment, and the old are accepted a little longer", async () => {
  const { clock, ada, bob, stream } = await two();
  ada.use(await keys(2, "ada"));
  const late = await ada.seal(stream, "audio", bytesOf("old keys"));
  expect(await opened(bob, late)).toBe("old keys"); // who does not have the new ones yet
  clock.at = 2_000;
  const next = await ada.seal(stream, "audio", bytesOf("new keys"));
  expect(await opened(bob, next)).toBeNull();
  const another = await bob.seal({ context: 2n, counter: 0 }, "audio", bytesOf("still old"));
  expect(await opened(ada, another, "bob")).toBe("still old");
  bob.use(await keys(2, "bob"));
  expect(await opened(bob, next)).toBe("new keys");
  clock.at = 7_000;
  expect(await opened(ada, another, "bob")).toBeNull();
});

test("when somebody has left, the new keys are used at once, so they can decrypt nothing more", async () => {
  const { ada, bob, stream } = await two();
  const carol = new FrameCipher("cal_1", () => 0);
  carol.use(await keys(1, "carol"));
  for (const each of [ada, bob]) each.use(await keys(2, each === ada ? "ada" : "bob", ["ada", "bob"]));
  const frame = await ada.seal(stream, "audio", bytesOf("without Carol"));
  expect(await opened(bob, frame)).toBe("without Carol");
  expect(await opened(carol, frame)).toBeNull();
  // nor can she be taken for somebody else
  expect(await opened(bob, await carol.seal({ context: 3n, counter: 0 }, "audio", bytesOf("still here")), "ada")).toBeNull();
});

test("of a video frame only what its packets need stays readable, and that cannot be changed", async () => {
  const { ada, bob, stream } = await two();
  const keyFrame = new Uint8Array(40).map((_, n) => 2 * n);
  const deltaFrame = keyFrame.map((each) => each | 1);
  expect([keyFrame, deltaFrame].map((each) => clearBytes("video", each))).toEqual([10, 1]);
  for (const data of [keyFrame, deltaFrame]) {
    const frame = (await ada.seal(stream, "video", data))!;
    const clear = clearBytes("video", data);
    expect(frame.slice(0, clear)).toEqual(data.slice(0, clear));
    expect(textOfAnything(frame)).not.toContain(textOfAnything(data.slice(clear, clear + 4)));
    expect(await bob.open("ada", "video", frame.map((each, n) => (n === 0 ? each ^ 4 : each)))).toBeNull();
    expect(await bob.open("ada", "video", frame)).toEqual(data);
  }
});
