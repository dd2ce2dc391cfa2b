/**
 * End-to-end encryption of one device of one person. Each act holds a Web Lock, so that one tab at a time has the keys
 * in hand, reads them from the store and has written them when it lets go.
 */
import type { Api, Event, Message } from "../api";
import type { KeyChange } from "../types";
import type { Locks } from "../ports";
import { ApiError } from "../problems";
import type { Store } from "../store";
import { openBackup, sealBackup } from "./backup";
import { base64, bytesOf, hex } from "./bytes";
import { Committer } from "./committer";
import { Device, identityOf } from "./device";
import { CannotDecrypt, NotInGroup } from "./errors";
import { type SealedFile, sealFile } from "./files";
import { KeyLog } from "./key-log";
import { type Identity, type Mls, isUnbegun } from "./mls";
import { People } from "./people";
import { LogReader } from "./reader";
import { type Content, asData } from "./said";
import { type Said, Shelf } from "./shelf";
import { TsMls } from "./ts-mls";
import { Vault } from "./vault";

const KEEP_SENT_MS = 24 * 3_600_000;

export interface EncryptionParts {
  userId: string;
  api: Api;
  store: Store;
  locks: Locks;
  lockName: string;
  now: () => number;
  uuid: () => string;
}

export class Encryption {
  readonly deviceId: string;
  readonly #parts: EncryptionParts;
  readonly #mls: Mls;
  readonly #vault: Vault;
  readonly #shelf: Shelf;
  readonly #identity: Identity;
  readonly #keyLog: KeyLog;
  readonly #device: Device;
  readonly #reader: LogReader;
  readonly #committer: Committer;

  private constructor(parts: EncryptionParts, mls: Mls, vault: Vault, identity: Identity) {
    const { api, now, uuid } = parts;
    const shelf = new Shelf(vault, mls);
    const keyLog = new KeyLog({ api, vault });
    const people = new People({ api, keyLog, shelf, own: identity });
    const reader = new LogReader({ api, mls, shelf, people, own: identity });
    this.#parts = parts;
    this.#mls = mls;
    this.#vault = vault;
    this.#shelf = shelf;
    this.#identity = identity;
    this.#keyLog = keyLog;
    this.#reader = reader;
    this.#device = new Device({ api, mls, vault, shelf, people, keyLog, identity, now });
    this.#committer = new Committer({ api, mls, shelf, people, keyLog, reader, own: identity, uuid });
    this.deviceId = identity.deviceId;
  }

  /** Throws NotSupportedError where this browser has not the algorithms of the cipher suite. */
  static async open(parts: EncryptionParts): Promise<Encryption> {
    // pages that are neither https nor of this machine have none
    if (!globalThis.crypto?.subtle) throw new DOMException("there is no WebCrypto here", "NotSupportedError");
    const { userId, store, locks, lockName, now, uuid } = parts;
    const mls = await TsMls.open(now);
    const vault = new Vault(store, userId);
    const identity = await locks.hold(lockName, undefined, () => identityOf(mls, vault, userId, uuid));
    return new Encryption(parts, mls, vault, identity);
  }

  /** What is under way is not written any more. */
  close(): void {
    this.#vault.close();
  }

  // --- this device

  register(name: string): Promise<void> {
    return this.#exclusive(async () => {
      await this.#shelf.forgetSent(this.#parts.now() - KEEP_SENT_MS);
      await this.#device.register(name);
    });
  }
  leavePackages = (): Promise<void> => this.#exclusive(() => this.#device.leavePackages());
  joinWaiting = (): Promise<string[]> => this.#exclusive(() => this.#device.joinWaiting());

  // --- conversations

  /** Begins the group of an encrypted conversation unless somebody has, and brings the members' devices in. */
  begin(conversation_id: string): Promise<void> {
    return this.#exclusive(async () => {
      if (!(await this.#shelf.has(conversation_id))) {
        if (await this.#isBegun(conversation_id)) throw new NotInGroup("the group of this conversation has begun without this device");
        this.#shelf.keep(conversation_id, { group: await this.#mls.create(conversation_id, this.#identity), seq: 0 });
      }
      // a commit before anybody is brought in: of two devices that begin at once, the server takes one's
      if (isUnbegun((await this.#shelf.load(conversation_id)).group)) await this.#committer.update(conversation_id);
      await this.#committer.reconcile(conversation_id);
    });
  }

  /** See `LogReader.catchUp`. */
  catchUp(conversationId: string, heard?: readonly Event[]): Promise<Said[]> {
    return this.#exclusive(() => this.#reader.catchUp(conversationId, heard));
  }

  /** See `Committer.reconcile`. */
  reconcile(conversationId: string, options?: { rekey?: boolean }): Promise<readonly string[]> {
    return this.#exclusive(() => this.#committer.reconcile(conversationId, options));
  }

  /** Gives the group new keys: what was stolen of this device's before is of no use from then on. */
  update(conversationId: string): Promise<void> {
    return this.#exclusive(() => this.#committer.update(conversationId));
  }

  /** What is said, encrypted for the group in base 64, kept until it is known to be sent: asked again, it is the same. */
  seal(conversationId: string, clientId: string, content: Content): Promise<string> {
    return this.#exclusive(async () => {
      const known = await this.#shelf.sending(clientId);
      if (known) return known.ciphertext;
      await this.#committer.settle(conversationId);
      const { group, seq } = await this.#shelf.load(conversationId);
      const sealed = await group.encrypt(asData(content));
      const ciphertext = base64(sealed.message);
      this.#shelf.keep(conversationId, { group: sealed.group, seq });
      this.#shelf.setSending(clientId, { ...content, ciphertext });
      return ciphertext;
    });
  }

  /** What was sealed was refused: the next time it is encrypted anew. */
  unseal(clientId: string): Promise<void> {
    return this.#exclusive(async () => this.#shelf.setSending(clientId, undefined));
  }

  /** What was sealed is stored now; what it said. The log may have brought it before. */
  sent(message: Message): Promise<Said | undefined> {
    return this.#exclusive(async () => {
      const { id: messageId, client_id, conversation_id: conversationId, seq, sender_id: senderId, expires_at: expiresAt } = message;
      const sending = client_id ? await this.#shelf.sending(client_id) : undefined;
      if (!sending || !client_id) return undefined;
      const { text, files } = sending;
      const said: Said = { conversationId, messageId, seq, senderId, deviceId: this.deviceId, text, files, expiresAt };
      this.#shelf.remember(said);
      this.#shelf.setSending(client_id, { ...sending, sentAt: this.#parts.now() });
      for (const each of files) this.#shelf.setSealedFile(each.id, undefined); // the message knows it
      return said;
    });
  }

  /** A file encrypted for one message; how is kept under this name until the upload has an id. */
  sealFile(name: string, file: Blob & { name?: string }): Promise<Blob> {
    return this.#exclusive(async () => {
      const { blob, secret } = await sealFile(file);
      this.#shelf.setSealedFile(name, secret);
      return blob;
    });
  }

  /** Uploads that are done, by how they were called before: the drive's ids of them are known now. */
  nameFiles(done: readonly { name: string; id: string }[]): Promise<void> {
    return this.#exclusive(async () => {
      for (const { name, id } of done) {
        const secret = await this.#shelf.sealedFile(name);
        if (!secret) continue;
        this.#shelf.setSealedFile(id, secret);
        this.#shelf.setSealedFile(name, undefined);
      }
    });
  }

  /** What a message that is to be sealed says. Throws CannotDecrypt for a file that was not encrypted here. */
  async content(clientId: string, text: string, fileIds: readonly string[]): Promise<Content> {
    const known = await this.#shelf.sending(clientId);
    if (known) return known;
    const files: SealedFile[] = [];
    for (const id of fileIds) {
      const secret = await this.#shelf.sealedFile(id);
      if (!secret) throw new CannotDecrypt(`the file ${id} was not encrypted on this device`);
      files.push({ ...secret, id });
    }
    return { text, files };
  }

  /** All that this device has read or written in a conversation, oldest first. */
  said(conversationId: string): Promise<Said[]> {
    return this.#exclusive(() => this.#shelf.said(conversationId, this.#parts.now()));
  }

  /** What one message said, as far as this device has read it. */
  recall(conversationId: string, messageId: string): Promise<Said | undefined> {
    return this.#shelf.recall(conversationId, messageId);
  }

  /** Keeps what this device has read with the server, encrypted under a passphrase; how many messages. */
  async backUp(passphrase: string): Promise<number> {
    const said = await this.#exclusive(() => this.#shelf.everything(this.#parts.now()));
    await this.#parts.api.put("/keys/backup", { body: await sealBackup(said, passphrase) });
    return said.length;
  }

  /** Reads the backup; what of it this device had not read. Throws CannotDecrypt, and ApiError 404 where there is none. */
  async restore(passphrase: string): Promise<readonly Said[]> {
    const found = await openBackup(await this.#parts.api.get("/keys/backup"), passphrase);
    return this.#exclusive(() => this.#shelf.takeBack(found, this.#parts.now()));
  }

  isInGroup(conversationId: string): Promise<boolean> {
    return this.#shelf.has(conversationId);
  }

  /** Who is in the group, as `user_id/device_id`. Throws NotInGroup. */
  async devices(conversationId: string): Promise<readonly string[]> {
    return (await this.#shelf.load(conversationId)).group.leaves.map(({ userId, deviceId }) => `${userId}/${deviceId}`);
  }

  /** 60 digits that both people see alike, made of all keys that their devices have now. */
  safetyNumber(otherId: string): Promise<string> {
    return this.#exclusive(async () => {
      const parts: string[] = [];
      for (const userId of [this.#parts.userId, otherId].sort()) {
        parts.push(userId + [...(await this.#keyLog.refresh(userId)).values()].sort().join(""));
      }
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytesOf(parts.join("\n"))));
      const digits = (BigInt(`0x${hex(digest)}`) % 10n ** 60n).toString().padStart(60, "0");
      return (digits.match(/.{5}/g) ?? []).join(" ");
    });
  }

  /** The number that was compared with somebody. */
  compared(userId: string): Promise<string | undefined> {
    return this.#vault.get(`compared/${userId}`);
  }

  setCompared(userId: string, number: string): Promise<void> {
    return this.#exclusive(async () => this.#vault.put(`compared/${userId}`, number));
  }

  changes(conversationId: string): Promise<readonly KeyChange[]> {
    return this.#shelf.changes(conversationId);
  }

  dismissChanges(conversationId: string): Promise<void> {
    return this.#exclusive(async () => this.#shelf.dismissChanges(conversationId));
  }

  /** Whether the group is already as a change of members or devices wants it; what cannot be told is not. */
  async isSettled(conversationId: string, change: Event): Promise<boolean> {
    const { leaves } = (await this.#shelf.load(conversationId)).group;
    switch (change.type) {
      case "member.added":
        return leaves.some(({ userId }) => userId === change.data?.user?.id);
      case "member.removed":
        return !leaves.some(({ userId }) => userId === change.data?.user?.id);
      case "keys.changed": {
        const { user_id, device_id, action } = change.data ?? {};
        const present = leaves.some(({ userId, deviceId }) => userId === user_id && deviceId === device_id);
        return action === "added" ? present : action === "removed" && !present;
      }
      default:
        return false;
    }
  }

  async #isBegun(conversation_id: string): Promise<boolean> {
    try {
      await this.#parts.api.get("/conversations/{conversation_id}/mls/commits/{epoch}", { path: { conversation_id, epoch: "0" } });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  /** What was put before something went wrong fits together, and is kept. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const { locks, lockName } = this.#parts;
    return locks.hold(lockName, undefined, async () => {
      try {
        return await work();
      } finally {
        await this.#vault.flush();
      }
    });
  }
}
