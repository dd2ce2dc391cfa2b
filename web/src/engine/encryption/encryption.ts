/**
 * End-to-end encryption of one device of one person. Each operation holds a Web Lock while it reads the keys from the
 * store, uses them and writes them back, so that only one tab at a time uses them.
 */
import type { Api, Event, Message } from "../service/api";
import type { KeyChange, MediaKeys, DeviceSearchPage, DeviceSearchPlace, DeviceSearchQuery, Sealing } from "../types";
import type { Locks } from "../ports";
import { ApiError } from "../service/problems";
import type { Store } from "../storage/store";
import { openBackup, sealBackup } from "./backup";
import { base64, bytesOf, hashOf, hex } from "./bytes";
import { asPoll } from "./changes";
import { Committer } from "./committer";
import { Device, identityOf } from "./device";
import { CannotDecrypt, NotInGroup } from "./errors";
import { type SealedFile, sealFile } from "./files";
import { KeyLog } from "./key-log";
import { type Identity, type Mls, isUnbegun, nameOf } from "./mls";
import { People } from "./people";
import { LogReader } from "./reader";
import { type Content, type Sendable, asData, asVoice } from "./content";
import { find } from "./search";
import { BASE_KEY_BYTES, importBaseKey } from "./sframe";
import { type DecryptedMessage, Shelf, contentOf } from "./shelf";
import { TsMls } from "./ts-mls";
import { Vault } from "./vault";

/** RFC 9605, section 5.2. */
const MEDIA_LABEL = "SFrame 1.0 Base Key";
const KEEP_SENT_MS = 24 * 3_600_000;

export interface EncryptionParts {
  userId: string;
  api: Api;
  store: Store;
  locks: Locks;
  lockName: string;
  now: () => number;
  uuid: () => string;
  /** See `ReaderParts.onDecrypted`. */
  onDecrypted?: ((decrypted: readonly DecryptedMessage[]) => void) | undefined;
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
    const reader = new LogReader({ api, mls, shelf, people, own: identity, onDecrypted: (decrypted) => parts.onDecrypted?.(decrypted) });
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

  /** Throws NotSupportedError if this browser lacks the algorithms of the cipher suite. */
  static async open(parts: EncryptionParts): Promise<Encryption> {
    // browsers offer WebCrypto only in secure contexts: https, or localhost
    if (!globalThis.crypto?.subtle) throw new DOMException("there is no WebCrypto here", "NotSupportedError");
    const { userId, store, locks, lockName, now, uuid } = parts;
    const mls = await TsMls.open(now);
    const vault = new Vault(store, userId);
    const identity = await locks.hold(lockName, undefined, () => identityOf(mls, vault, userId, uuid));
    return new Encryption(parts, mls, vault, identity);
  }

  /** Discards changes that are not stored yet, and stores nothing more. */
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

  /**
   * Creates the group of an encrypted conversation, unless there is one, and adds the members' devices. Throws
   * NotInGroup if the group exists without this device.
   */
  begin(conversation_id: string): Promise<void> {
    return this.#exclusive(async () => {
      if (!(await this.#shelf.has(conversation_id))) {
        if (await this.#isBegun(conversation_id)) throw new NotInGroup("the group of this conversation has begun without this device");
        this.#shelf.keep(conversation_id, { group: await this.#mls.create(conversation_id, this.#identity), seq: 0 });
      }
      // commit before any device is added: if two devices create the group at once, the server accepts one commit
      if (isUnbegun((await this.#shelf.load(conversation_id)).group)) await this.#committer.update(conversation_id);
      await this.#committer.reconcile(conversation_id);
    });
  }

  /** See `LogReader.catchUp`. */
  catchUp(conversationId: string, received?: readonly Event[]): Promise<DecryptedMessage[]> {
    return this.#exclusive(() => this.#reader.catchUp(conversationId, received));
  }

  /** See `Committer.reconcile`. */
  reconcile(conversationId: string, options?: { rekey?: boolean }): Promise<readonly string[]> {
    return this.#exclusive(() => this.#committer.reconcile(conversationId, options));
  }

  /** Updates the group's keys: keys that were stolen from this device before are useless from then on. */
  update(conversationId: string): Promise<void> {
    return this.#exclusive(() => this.#committer.update(conversationId));
  }

  /**
   * Encrypts a message (base 64). The ciphertext is stored, so that repeated calls return the same until it is sent.
   */
  seal(conversationId: string, clientId: string, given: Sendable): Promise<string> {
    return this.#exclusive(async () => {
      const known = await this.#shelf.sending(clientId);
      if (known) return known.ciphertext;
      const { change } = given;
      const content = change ? { ...given, change: { ...change, hash: (await this.#shelf.recall(conversationId, change.of))?.hash } } : given;
      await this.#committer.settle(conversationId);
      const { group, seq } = await this.#shelf.load(conversationId);
      const sealed = await group.encrypt(asData(content));
      const ciphertext = base64(sealed.message);
      this.#shelf.keep(conversationId, { group: sealed.group, seq });
      // nothing follows upon the answer to a change, so it is kept for a day from now on
      this.#shelf.setSending(clientId, { ...content, ciphertext, ...(content.change ? { sentAt: this.#parts.now() } : {}) });
      return ciphertext;
    });
  }

  /** Drops a stored ciphertext that was refused, so that `seal` encrypts the message again. */
  unseal(clientId: string): Promise<void> {
    return this.#exclusive(async () => this.#shelf.setSending(clientId, undefined));
  }

  /**
   * Notes that the server has a sealed message, and stores and returns its content; undefined for an unknown message.
   * The log may have brought the message before, and changes of it.
   */
  sent(message: Message): Promise<DecryptedMessage | undefined> {
    return this.#exclusive(async () => {
      const { id: messageId, client_id, conversation_id: conversationId, seq, sender_id: senderId, expires_at: expiresAt } = message;
      const sending = client_id ? await this.#shelf.sending(client_id) : undefined;
      if (!sending || !client_id) return undefined;
      const read = await this.#shelf.recall(conversationId, messageId);
      const decrypted: DecryptedMessage = read ?? { conversationId, messageId, seq, senderId, deviceId: this.deviceId, ...contentOf(sending), hash: await hashOf(sending.ciphertext), expiresAt };
      if (!read) this.#shelf.remember(decrypted);
      this.#shelf.setSending(client_id, { ...sending, sentAt: this.#parts.now() });
      for (const each of sending.files) this.#shelf.setSealedFile(each.id, undefined); // the message has the key now
      return decrypted;
    });
  }

  /** Encrypts a file for one message; its key is stored under `name` until the upload has an id. */
  async sealFile(name: string, file: Blob & { name?: string }, sealing?: Sealing): Promise<Blob> {
    const { blob, secret } = await sealFile(file, sealing);
    await this.#exclusive(async () => this.#shelf.setSealedFile(name, secret));
    return blob;
  }

  /** Moves the keys of finished uploads from their names to the drive's ids. */
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

  /** The content of a message to be sealed. Throws CannotDecrypt for a file that was not encrypted on this device. */
  async content(clientId: string, text: string, fileIds: readonly string[], { voice, poll }: { voice?: unknown; poll?: unknown } = {}, reply?: Content["reply"]): Promise<Content> {
    const known = await this.#shelf.sending(clientId);
    if (known) return known;
    const files: SealedFile[] = [];
    for (const id of fileIds) {
      const secret = await this.#shelf.sealedFile(id);
      if (!secret) throw new CannotDecrypt(`the file ${id} was not encrypted on this device`);
      files.push({ ...secret, id });
    }
    return { text, files, voice: asVoice(voice), poll: asPoll(poll), reply };
  }

  /** All decrypted and own messages of a conversation on this device, oldest first. */
  decrypted(conversationId: string): Promise<DecryptedMessage[]> {
    return this.#exclusive(() => this.#shelf.decrypted(conversationId, this.#parts.now()));
  }

  /** The decrypted content of one message, if this device has it. */
  recall(conversationId: string, messageId: string): Promise<DecryptedMessage | undefined> {
    return this.#shelf.recall(conversationId, messageId);
  }

  /** See `find`. It reads what is stored, without the lock. */
  search(query: DeviceSearchQuery, from: DeviceSearchPlace | null): Promise<DeviceSearchPage> {
    return find(this.#vault, query, from, this.#parts.now());
  }

  /** Backs up the decrypted messages to the server, encrypted with a passphrase; returns how many. */
  async backUp(passphrase: string): Promise<number> {
    const decrypted = await this.#exclusive(() => this.#shelf.everything(this.#parts.now()));
    await this.#parts.api.put("/keys/backup", { body: await sealBackup(decrypted, passphrase) });
    return decrypted.length;
  }

  /** Restores the backup; returns the messages that are new here. Throws CannotDecrypt, and ApiError 404 if none. */
  async restore(passphrase: string): Promise<readonly DecryptedMessage[]> {
    const found = await openBackup(await this.#parts.api.get("/keys/backup"), passphrase);
    return this.#exclusive(() => this.#shelf.takeBack(found, this.#parts.now()));
  }

  /** The keys for a call's media in the group's present epoch, in which nobody is who has left. Throws NotInGroup. */
  mediaKeys(conversationId: string): Promise<MediaKeys> {
    return this.#exclusive(async () => {
      await this.#committer.settle(conversationId);
      const { group } = await this.#shelf.load(conversationId);
      const own = nameOf(this.#identity);
      const baseKey = await importBaseKey(await group.exportSecret(MEDIA_LABEL, BASE_KEY_BYTES));
      const ownIndex = group.indexed.find(({ leaf }) => nameOf(leaf) === own)?.index;
      if (ownIndex === undefined) throw new NotInGroup("this device was removed from the group");
      return { epoch: group.epoch, baseKey, ownIndex, people: new Map(group.indexed.map(({ index, leaf }) => [index, leaf.userId])) };
    });
  }

  /** A number that this device has used for no call before. */
  nextCall = (): Promise<number> => this.#exclusive(() => this.#shelf.nextCall());

  isInGroup(conversationId: string): Promise<boolean> {
    return this.#shelf.has(conversationId);
  }

  places(): Promise<ReadonlyMap<string, number>> {
    return this.#shelf.places();
  }

  epoch(conversationId: string): Promise<number | null> {
    return this.#shelf.epoch(conversationId);
  }

  /** The devices in the group, as `user_id/device_id`. Throws NotInGroup. */
  async devices(conversationId: string): Promise<readonly string[]> {
    return (await this.#shelf.load(conversationId)).group.leaves.map(({ userId, deviceId }) => `${userId}/${deviceId}`);
  }

  /** 60 digits, the same for both people, derived from the present keys of all their devices. */
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

  /** The safety number that was compared with somebody, undefined if none was. */
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

  /** Whether the group already reflects a change of members or devices; false if that cannot be told. */
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

  /** Runs `work` under the lock and stores its changes, also after an error: changes made before it are consistent. */
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
