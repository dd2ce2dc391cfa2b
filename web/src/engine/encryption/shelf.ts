/** The groups and the texts that this device keeps, by conversation. What is put here is durable after `Vault.flush`. */
import type { Group, Mls } from "./mls";
import { NotInGroup } from "./errors";
import type { SealedFile } from "./files";
import type { Content } from "./said";
import type { KeyChange } from "../types";
import type { Vault } from "./vault";

const CHANGES_KEPT = 20;

/** A message as it was decrypted; `text` is null where this device has no key for it. */
export interface Said {
  readonly conversationId: string;
  readonly messageId: string;
  readonly seq: number;
  readonly senderId: string;
  readonly deviceId: string | null;
  readonly text: string | null;
  readonly files?: readonly SealedFile[];
  /** RFC 3339; the text goes then. */
  readonly expiresAt: string | null;
}

/** How far a conversation's log was read. */
export interface Held {
  readonly group: Group;
  readonly seq: number;
}

/** A message on its way, encrypted once: at every try the same is sent. */
export interface Sending extends Content {
  readonly ciphertext: string;
  /** Epoch milliseconds, once its sender has the answer; kept a day more, as it may go out again after a crash. */
  readonly sentAt?: number;
}

/** A commit that was sent, and the group that it leads to if it is taken. */
export interface Pending {
  /** Base 64. */
  readonly message: string;
  readonly next: Uint8Array<ArrayBuffer>;
}

interface Kept {
  readonly group: Uint8Array<ArrayBuffer>;
  readonly seq: number;
}

export class Shelf {
  readonly vault: Vault;
  readonly #mls: Mls;

  constructor(vault: Vault, mls: Mls) {
    this.vault = vault;
    this.#mls = mls;
  }

  /** Throws NotInGroup. */
  async load(conversationId: string): Promise<Held> {
    const kept = await this.vault.get<Kept>(`group/${conversationId}`);
    if (!kept) throw new NotInGroup(`this device is not in the group of ${conversationId}`);
    return { group: this.#mls.load(kept.group), seq: kept.seq };
  }

  has(conversationId: string): Promise<boolean> {
    return this.vault.get(`group/${conversationId}`).then((kept) => kept !== undefined);
  }

  keep(conversationId: string, { group, seq }: Held): void {
    this.vault.put(`group/${conversationId}`, { group: group.bytes, seq } satisfies Kept);
  }

  forget(conversationId: string): void {
    this.vault.put(`group/${conversationId}`, undefined);
    this.setPending(conversationId, undefined);
  }

  // --- commits and messages on their way

  pending(conversationId: string): Promise<Pending | undefined> {
    return this.vault.get(`pending/${conversationId}`);
  }

  setPending(conversationId: string, pending: Pending | undefined): void {
    this.vault.put(`pending/${conversationId}`, pending);
  }

  sending(clientId: string): Promise<Sending | undefined> {
    return this.vault.get(`sending/${clientId}`);
  }

  setSending(clientId: string, sending: Sending | undefined): void {
    this.vault.put(`sending/${clientId}`, sending);
  }

  async forgetSent(before: number): Promise<void> {
    for (const [name, { sentAt }] of await this.vault.all<Sending>("sending/")) {
      if (sentAt !== undefined && sentAt < before) this.vault.put(name, undefined);
    }
  }

  // --- what was said

  recall(conversationId: string, messageId: string): Promise<Said | undefined> {
    return this.vault.get(`said/${conversationId}/${messageId}`);
  }

  remember(said: Said): void {
    this.vault.put(`said/${said.conversationId}/${said.messageId}`, said);
  }

  /** All that this device has read or written in a conversation; what has expired meanwhile goes. */
  async said(conversationId: string, now: number): Promise<Said[]> {
    const found = await this.vault.all<Said>(`said/${conversationId}/`);
    const over = [...found.values()].filter((each) => each.text !== null && each.expiresAt !== null && Date.parse(each.expiresAt) <= now);
    for (const each of over) this.remember({ ...each, text: null, files: [] });
    return [...found.values()].filter((each) => !over.includes(each)).sort((a, b) => a.seq - b.seq);
  }

  /** All texts of all conversations, newest first. */
  async everything(now: number): Promise<Said[]> {
    const found = [...(await this.vault.all<Said>("said/")).values()];
    const present = found.filter(({ text, expiresAt }) => text !== null && (expiresAt === null || Date.parse(expiresAt) > now));
    return present.sort((a, b) => (a.messageId < b.messageId ? 1 : -1));
  }

  /** Remembers what a backup holds, but what was known here or is ahead of the group, as this device will read that itself. */
  async takeBack(said: readonly Said[], now: number): Promise<readonly Said[]> {
    const news: Said[] = [];
    const places = new Map<string, number>();
    for (const each of said) {
      const { conversationId: id } = each;
      if (!places.has(id)) places.set(id, (await this.vault.get<Kept>(`group/${id}`))?.seq ?? Infinity);
      if (each.seq > places.get(id)! || (each.expiresAt !== null && Date.parse(each.expiresAt) <= now)) continue;
      const known = await this.recall(id, each.messageId);
      if (known?.text != null || known?.deviceId) continue; // with a device and no text it was deleted here
      this.remember(each);
      news.push(each);
    }
    return news;
  }

  // --- files that go with the next message, by how they are called before and after they are uploaded

  sealedFile(name: string): Promise<Omit<SealedFile, "id"> | undefined> {
    return this.vault.get(`file/${name}`);
  }

  setSealedFile(name: string, secret: Omit<SealedFile, "id"> | undefined): void {
    this.vault.put(`file/${name}`, secret);
  }

  // --- changes of keys, as people are told of them

  async changes(conversationId: string): Promise<readonly KeyChange[]> {
    return (await this.vault.get<KeyChange[]>(`changes/${conversationId}`)) ?? [];
  }

  async noteChange(conversationId: string, change: KeyChange): Promise<void> {
    this.vault.put(`changes/${conversationId}`, [...(await this.changes(conversationId)), change].slice(-CHANGES_KEPT));
  }

  dismissChanges(conversationId: string): void {
    this.vault.put(`changes/${conversationId}`, undefined);
  }

  // --- people

  /** Who has gone and may still have leaves in the group: user_id, or user_id/device_id/hash of the key. */
  async gone(conversationId: string): Promise<ReadonlySet<string>> {
    return new Set(await this.vault.get<string[]>(`gone/${conversationId}`));
  }

  setGone(conversationId: string, names: Iterable<string>): void {
    const found = [...names];
    this.vault.put(`gone/${conversationId}`, found.length > 0 ? found : undefined);
  }

  /** Everybody who has been a member, as far as this device has seen. */
  async people(conversationId: string): Promise<ReadonlySet<string>> {
    return new Set(await this.vault.get<string[]>(`people/${conversationId}`));
  }

  async meet(conversationId: string, userIds: readonly string[]): Promise<void> {
    const known = await this.people(conversationId);
    if (userIds.every((each) => known.has(each))) return;
    this.vault.put(`people/${conversationId}`, [...new Set([...known, ...userIds])].sort());
  }
}
