/** A device of the web client's MLS library in a page, to be measured and held against the other library. Bytes are base 64. */
import { base64, bytesOf, fromBase64, textOf } from "../../src/engine/encryption/bytes";
import type { Group, Identity, MadePackage } from "../../src/engine/encryption/mls";
import { TsMls } from "../../src/engine/encryption/ts-mls";

let mls: TsMls;
let identity: Identity;
let made: MadePackage;
let group: Group;

/** With a clock that is so many days behind. */
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

/** Opens a Welcome; the ms that it took. */
export async function join(welcome: string): Promise<number> {
  const began = performance.now();
  group = await mls.join(fromBase64(welcome), identity, made);
  return performance.now() - began;
}

/** Brings all these in by one commit. */
export async function add(packages: readonly string[]): Promise<{ ms: number; commit: string; welcome: string }> {
  const began = performance.now();
  const { message, welcome, next } = await group.add(packages.map(fromBase64));
  group = next;
  return { ms: performance.now() - began, commit: base64(message), welcome: base64(welcome!) };
}

/** New keys for the group; the commit. */
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

/** Takes messages in, each after the one before, as a reader of the log does, its state written out after each. */
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

export const members = (): number => group.leaves.length;
