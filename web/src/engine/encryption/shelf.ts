/** Groups and decrypted messages on this device, by conversation. Changes are durable after `Vault.flush`. */
import type { Group, Mls } from "./mls";
import type { Changed } from "./changes";
import { NotInGroup } from "./errors";
import type { SealedFile } from "./files";
import type { Content, Sendable } from "./content";
import type { KeyChange } from "../types";
import type { Vault } from "./vault";

const CHANGES_KEPT = 20;

/** A decrypted message; `text` is null if this device has no key for it. */
export interface DecryptedMessage {
  readonly conversationId: string;
  readonly messageId: string;
  readonly seq: number;
  readonly senderId: string;
  readonly deviceId: string | null;
  readonly text: string | null;
  readonly files?: readonly SealedFile[];
  readonly voice?: Content["voice"];
  readonly poll?: Content["poll"];
  readonly reply?: Content["reply"];
  /** See `Meant`; missing in what was decrypted by an earlier version. */
  readonly hash?: string | undefined;
  readonly changes?: Changed | undefined;
  /** RFC 3339; the text is removed then. */
  readonly expiresAt: string | null;
}

/** A conversation's group, and the seq of the last event of the log that was applied to it. */
export interface Held {
  readonly group: Group;
  readonly seq: number;
}

/** A message that is being sent; encrypted once, so that every attempt sends the same. */
export type Sending = Sendable & {
  readonly ciphertext: string;
  /**
   * Epoch milliseconds of the server's answer; the entry is kept a day longer, as it may be sent again after a crash.
   */
  readonly sentAt?: number;
};

export const contentOf = ({ text, files, voice, poll, reply }: Sending): Content => ({ text, files, voice, poll, reply });

/** A commit that was sent, and the group after it if it is accepted. */
export interface Pending {
  /** Base 64. */
  readonly message: string;
  readonly next: Uint8Array<ArrayBuffer>;
}

interface Kept {
  readonly group: Uint8Array<ArrayBuffer>;
  readonly seq: number;
  /** Missing in what was kept before calls were encrypted. */
  readonly epoch?: number;
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

  /** The group's epoch, without reading the whole group; null if it is not known. */
  epoch(conversationId: string): Promise<number | null> {
    return this.vault.get<Kept>(`group/${conversationId}`).then((kept) => kept?.epoch ?? null);
  }

  /** The seqs up to which logs were read, of all groups that this device is in and that have begun. */
  async places(): Promise<ReadonlyMap<string, number>> {
    const begun = [...(await this.vault.all<Kept>("group/"))].filter(([, { epoch }]) => epoch !== 0);
    return new Map(begun.map(([name, { seq }]) => [name.slice("group/".length), seq]));
  }

  keep(conversationId: string, { group, seq }: Held): void {
    this.vault.put(`group/${conversationId}`, { group: group.bytes, seq, epoch: group.epoch } satisfies Kept);
  }

  forget(conversationId: string): void {
    this.vault.put(`group/${conversationId}`, undefined);
    this.setPending(conversationId, undefined);
  }

  // --- pending commits and messages

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

  // --- decrypted messages

  recall(conversationId: string, messageId: string): Promise<DecryptedMessage | undefined> {
    return this.vault.get(`said/${conversationId}/${messageId}`);
  }

  remember(decrypted: DecryptedMessage): void {
    this.vault.put(`said/${decrypted.conversationId}/${decrypted.messageId}`, decrypted);
  }

  /** Removes the content of a message that was deleted or has expired. */
  empty(decrypted: DecryptedMessage): void {
    this.remember({ ...decrypted, text: null, files: [], voice: undefined, poll: undefined, reply: undefined, changes: undefined });
  }

  /** All decrypted and own messages of a conversation, oldest first; removes the texts of expired ones. */
  async decrypted(conversationId: string, now: number): Promise<DecryptedMessage[]> {
    const found = await this.vault.all<DecryptedMessage>(`said/${conversationId}/`);
    const expired = [...found.values()].filter((each) => each.text !== null && each.expiresAt !== null && Date.parse(each.expiresAt) <= now);
    for (const each of expired) this.empty(each);
    return [...found.values()].filter((each) => !expired.includes(each)).sort((a, b) => a.seq - b.seq);
  }

  /** All messages with a text, of all conversations, newest first. */
  async everything(now: number): Promise<DecryptedMessage[]> {
    const found = [...(await this.vault.all<DecryptedMessage>("said/")).values()];
    const present = found.filter(({ text, expiresAt }) => text !== null && (expiresAt === null || Date.parse(expiresAt) > now));
    return present.sort((a, b) => (a.messageId < b.messageId ? 1 : -1));
  }

  /**
   * Stores messages from a backup and returns them. Known messages are left out, and those ahead of the group's
   * position in the log, which this device will decrypt itself.
   */
  async takeBack(decrypted: readonly DecryptedMessage[], now: number): Promise<readonly DecryptedMessage[]> {
    const added: DecryptedMessage[] = [];
    const cursors = new Map<string, number>();
    for (const each of decrypted) {
      const { conversationId: id } = each;
      if (!cursors.has(id)) cursors.set(id, (await this.vault.get<Kept>(`group/${id}`))?.seq ?? Infinity);
      if (each.seq > cursors.get(id)! || (each.expiresAt !== null && Date.parse(each.expiresAt) <= now)) continue;
      const known = await this.recall(id, each.messageId);
      if (known?.text != null || known?.deviceId) continue; // a message with a device and no text was deleted here
      this.remember(each);
      added.push(each);
    }
    return added;
  }

  // --- keys of files for unsent messages, by the upload's name and, once uploaded, by the drive's id

  sealedFile(name: string): Promise<Omit<SealedFile, "id"> | undefined> {
    return this.vault.get(`file/${name}`);
  }

  setSealedFile(name: string, secret: Omit<SealedFile, "id"> | undefined): void {
    this.vault.put(`file/${name}`, secret);
  }

  // --- changes of keys that the person has not dismissed

  async changes(conversationId: string): Promise<readonly KeyChange[]> {
    return (await this.vault.get<KeyChange[]>(`changes/${conversationId}`)) ?? [];
  }

  async noteChange(conversationId: string, change: KeyChange): Promise<void> {
    this.vault.put(`changes/${conversationId}`, [...(await this.changes(conversationId)), change].slice(-CHANGES_KEPT));
  }

  dismissChanges(conversationId: string): void {
    this.vault.put(`changes/${conversationId}`, undefined);
  }

  // --- calls

  /** A number that this device has used for no call before (see `MediaKeys`). */
  async nextCall(): Promise<number> {
    const number = ((await this.vault.get<number>("calls")) ?? 0) + 1;
    this.vault.put("calls", number);
    return number;
  }

  // --- people

  /** People and devices that left and may still be in the group: user_id, or user_id/device_id/hash of the key. */
  async gone(conversationId: string): Promise<ReadonlySet<string>> {
    return new Set(await this.vault.get<string[]>(`gone/${conversationId}`));
  }

  setGone(conversationId: string, names: Iterable<string>): void {
    const found = [...names];
    this.vault.put(`gone/${conversationId}`, found.length > 0 ? found : undefined);
  }

  /** Everybody who is or was a member, as far as this device knows. */
  async people(conversationId: string): Promise<ReadonlySet<string>> {
    return new Set(await this.vault.get<string[]>(`people/${conversationId}`));
  }

  async meet(conversationId: string, userIds: readonly string[]): Promise<void> {
    const known = await this.people(conversationId);
    if (userIds.every((each) => known.has(each))) return;
    this.vault.put(`people/${conversationId}`, [...new Set([...known, ...userIds])].sort());
  }
}
