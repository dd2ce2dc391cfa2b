/**
 * A device with the web client's MLS library in a page, for measurements and for tests against the Python client's
 * library. Bytes are base 64.
 */
import { base64, bytesOf, fromBase64, textOf } from "../../src/engine/encryption/bytes";
import type { Group, Identity, MadePackage } from "../../src/engine/encryption/mls";
import { TsMls } from "../../src/engine/encryption/ts-mls";

let mls: TsMls;
let identity: Identity;
let made: MadePackage;
let group: Group;

/** Creates the device, with a clock that is `daysAgo` days behind. */
export async function open(userId: string, deviceId: string, daysAgo: number): Promise<void> {
  mls = await TsMls.open(() => Date.now() - daysAgo * 86_400_000);
  identity = await mls.newIdentity(userId, deviceId);
}

export async function create(groupId: string): Promise<void> {
  group = await mls.create(groupId, identity);
}

export async function newPackage(): Promise<string> {
  made = await mls.newPackage(identity);
  return base64(made.message);
}

/** Joins by a Welcome; returns the time in ms. */
export async function join(welcome: string): Promise<number> {
  const began = performance.now();
  group = await mls.join(fromBase64(welcome), identity, made);
  return performance.now() - began;
}

/** Adds these key packages with one commit. */
export async function add(packages: readonly string[]): Promise<{ ms: number; commit: string; welcome: string }> {
  const began = performance.now();
  const { message, welcome, next } = await group.add(packages.map(fromBase64));
  group = next;
  return { ms: performance.now() - began, commit: base64(message), welcome: base64(welcome!) };
}

/** Updates the group's keys; returns the commit. */
export async function update(): Promise<string> {
  const { message, next } = await group.update();
  group = next;
  return base64(message);
}

export async function say(text: string): Promise<string> {
  const sealed = await group.encrypt(bytesOf(text));
  group = sealed.group;
  return base64(sealed.message);
}

/** Processes messages one after the other, and serialises the group after each, as the reader of the log does. */
export async function hear(messages: readonly string[]): Promise<{ ms: number; texts: (string | null)[] }> {
  const began = performance.now();
  const texts: (string | null)[] = [];
  for (const each of messages) {
    const received = await group.receive(fromBase64(each));
    group = received.group;
    void group.bytes;
    texts.push(received.data && textOf(received.data));
  }
  return { ms: performance.now() - began, texts };
}

export const exportSecret = async (label: string, length: number): Promise<string> => base64(await group.exportSecret(label, length));

export const members = (): number => group.leaves.length;
