/**
 * The engine's entry to end-to-end encryption: the leading tab decrypts and sends for all tabs, and every tab shows the
 * decrypted messages. The implementation (`encryption/`) is loaded once somebody is signed in.
 */
import type { Api, Conversation, Event, Message, MessageFields } from "../service/api";
import type { Change, Content, DecryptedMessage, Encryption, KeyChange, SealedFile, Sendable } from "./index";
import { type EncryptedFrom, isInTheClear, isShown, withContent, withoutContent } from "./view";
import type { Ports } from "../ports";
import { ApiError, EncryptionError, SecureConnectError, TransportFailed } from "../service/problems";
import type { Store } from "../storage/store";
import { Value } from "../subscribable";
import type { Tabs } from "../storage/tabs";
import type { ConversationKeys, DeviceSearchPage, DeviceSearchPlace, DeviceSearchQuery, EndToEnd, MediaKeys, Sealing, Subscribable, TimelineItem } from "../types";

/** Attempts to send a message whose epoch ended, or whose group needs new keys first. */
const MAX_TRIES = 8;
const RETRY_AFTER_MS = 5_000;
/** The device that caused a change commits it; other devices wait, longer in larger groups, so that few collide. */
const OWN_CHANGE_MS = 300;
const FOREIGN_CHANGE_MS = 1_500;
const PER_MEMBER_MS = 100;
const OPENING: ConversationKeys = { phase: "opening", changes: [] };
const WITHHELD: ConversationKeys = { phase: "withheld", changes: [] };

export interface EncryptionDeskParts {
  userId: string;
  /** The name under which others see this device; empty if it is to have no keys. */
  deviceName: string;
  api: Api;
  store: Store;
  ports: Ports;
  lockName: string;
  tabs: Tabs;
  conversation: (conversationId: string) => Conversation | undefined;
  conversations: () => readonly Conversation[];
  from: EncryptedFrom;
  send: (conversationId: string, body: MessageFields) => Promise<Message>;
  /** More messages of this conversation can be shown than before, or the state of its keys has changed. */
  onRead: (conversationId: string) => void;
}

export class EncryptionDesk implements EndToEnd {
  readonly #parts: EncryptionDeskParts;
  readonly #decrypted = new Map<string, DecryptedMessage>();
  /** Contents that this tab sends or has just sent, by client_id: shown before the log brings the message. */
  readonly #ownContents = new Map<string, Content>();
  readonly #files = new Map<string, SealedFile>();
  /** Files that are being fetched and decrypted. */
  readonly #opened = new Map<string, Promise<Blob>>();
  readonly #shown = new WeakMap<Message, { decrypted: DecryptedMessage | undefined; from: number | undefined; shown: Message }>();
  readonly #keys = new Map<string, Value<ConversationKeys>>();
  readonly #newEvents = new Map<string, Event[]>();
  readonly #reading = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #opening: Promise<Encryption> | null = null;
  readonly #asked = new Set<string>();
  #registered = false;

  constructor(parts: EncryptionDeskParts) {
    this.#parts = parts;
    parts.tabs.on<readonly DecryptedMessage[]>("said", (decrypted) => this.#addDecrypted(decrypted));
    parts.tabs.on<{ conversationId: string; keys: ConversationKeys }>("keys", ({ conversationId, keys }) => this.#keysOf(conversationId).set(keys));
  }

  stop(): void {
    this.#stop.abort();
    void this.#opening?.then((encryption) => encryption.close());
  }

  // --- called by screens

  of(conversationId: string): Subscribable<ConversationKeys> {
    return this.#keysOf(conversationId);
  }

  async begin(conversationId: string): Promise<void> {
    const encryption = await this.#open();
    await this.#register(encryption);
    await encryption.begin(conversationId);
    await this.#publishState(conversationId);
  }

  async safetyNumber(userId: string): Promise<string> {
    return (await this.#open()).safetyNumber(userId);
  }

  async compared(userId: string): Promise<string | undefined> {
    return (await this.#open()).compared(userId);
  }

  async setCompared(userId: string, number: string): Promise<void> {
    await (await this.#open()).setCompared(userId, number);
  }

  async dismissChanges(conversationId: string): Promise<void> {
    await (await this.#open()).dismissChanges(conversationId);
    await this.#publishState(conversationId);
  }

  async mediaKeys(conversationId: string): Promise<MediaKeys | null> {
    if (!this.#isEncrypted(conversationId)) {
      // a server that hides the setting gets no unencrypted call: this device knows that there is a group
      const encryption = await this.#open().catch((error: unknown) => {
        if (canHaveKeys(error)) throw error;
        return null; // and so it is in no group
      });
      if (!(await encryption?.isInGroup(conversationId))) return null;
    }
    return (await this.#open()).mediaKeys(conversationId);
  }

  async nextCall(): Promise<number> {
    return (await this.#open()).nextCall();
  }

  async backUp(passphrase: string): Promise<number> {
    return (await this.#open()).backUp(passphrase);
  }

  async restore(passphrase: string): Promise<number> {
    const decrypted = await (await this.#open()).restore(passphrase);
    if (decrypted.length > 0) this.#publishDecrypted(decrypted);
    return decrypted.length;
  }

  async search(query: DeviceSearchQuery, from: DeviceSearchPlace | null): Promise<DeviceSearchPage> {
    if (!this.#parts.deviceName) return { items: [], next: null };
    return (await this.#open()).search(query, from);
  }

  shown(given: Message, conversation_id: string): Message {
    if (isShown(given)) return given;
    const found = this.#decrypted.get(given.id);
    const decrypted = found?.conversationId === conversation_id ? found : undefined;
    const from = this.#parts.from.of(conversation_id);
    const known = this.#shown.get(given);
    if (known && known.decrypted === decrypted && known.from === from && known.shown.conversation_id === conversation_id) return known.shown;
    const message = given.conversation_id === conversation_id ? given : { ...given, conversation_id };
    const own = message.sender_id === this.#parts.userId && message.client_id ? this.#ownContents.get(message.client_id) : undefined;
    const content = message.deleted_at ? undefined : decrypted?.text != null ? decrypted : own;
    for (const each of content?.files ?? []) this.#files.set(each.id, each);
    const isLater = from !== undefined && !(message.seq <= from); // without a seq as well
    const shown = content ? withContent(message, content, decrypted, this.#parts.userId) : isLater ? withoutContent(message) : message;
    this.#shown.set(given, { decrypted, from, shown });
    return shown;
  }

  quoted(reply: Message, target: Message): Message | undefined {
    const said = this.#decrypted.get(reply.id)?.reply;
    const fits = !said || (said.of === target.id && said.hash === this.#decrypted.get(target.id)?.hash);
    return fits ? this.shown(target, reply.conversation_id) : undefined;
  }

  // --- files

  async sealFile(uploadId: string, file: Blob & { name?: string }, sealing?: Sealing): Promise<Blob> {
    return (await this.#open()).sealFile(uploadId, file, sealing);
  }

  async nameFiles(uploads: Parameters<EndToEnd["nameFiles"]>[0]): Promise<void> {
    const done = uploads.flatMap(({ clientId, file }) => (file ? [{ name: clientId, id: file.id }] : []));
    if (done.length > 0) await (await this.#open()).nameFiles(done);
  }

  opens(fileId: string): boolean {
    return this.#files.has(fileId);
  }

  openFile(fileId: string): Promise<Blob> {
    let opened = this.#opened.get(fileId);
    if (!opened) this.#opened.set(fileId, (opened = this.#openFile(fileId).finally(() => this.#opened.delete(fileId))));
    return opened;
  }

  async #openFile(file_id: string): Promise<Blob> {
    const { api, ports } = this.#parts;
    const secret = this.#files.get(file_id);
    if (!secret) throw new EncryptionError("this device has no key for the file", { code: "cannot_decrypt", transient: false });
    const { url } = await api.get("/drive/files/{file_id}/download", { path: { file_id } });
    const fetched = await ports.fetch.call(undefined, url);
    if (!fetched.ok) throw new TransportFailed(`the storage answers ${fetched.status}`);
    const { openFile } = await load();
    return openFile(await fetched.blob(), secret);
  }

  /** Why a message shows no text; undefined if it shows one. */
  sealed(message: Message): TimelineItem["sealed"] {
    if (isInTheClear(message)) return "plain";
    if (message.type !== "encrypted" || message.deleted_at || message.text !== null) return undefined;
    if (this.#decrypted.has(message.id)) return "unreadable";
    const { phase } = this.#keysOf(message.conversation_id).get();
    const isBusy = phase === "opening" || this.#reading.has(message.conversation_id);
    const seconds = (this.#parts.ports.clock.now() - Date.parse(message.created_at)) / 1000;
    return isBusy || (phase === "ready" && seconds < 10) ? "waiting" : "unreadable";
  }

  // --- called by the engine

  /** A screen shows this conversation: loads its messages that were decrypted before. */
  async look(conversationId: string): Promise<void> {
    if (!this.#isEncrypted(conversationId)) return;
    void this.#askStart(conversationId);
    if (!this.#parts.deviceName) return;
    await this.#handlingErrors(conversationId, async (encryption) => {
      this.#addDecrypted(await encryption.decrypted(conversationId));
      if (this.#keysOf(conversationId).get() === OPENING) await this.#publishState(conversationId);
    });
    if (this.#parts.tabs.leading) this.#read(conversationId);
  }

  /** There is a new connection: registers this device, joins groups whose welcome waits for it, and reads on. */
  async renew(): Promise<void> {
    if (!this.#parts.tabs.leading) return;
    await this.#handlingErrors(null, async (encryption) => {
      await this.#register(encryption);
      await this.#join(encryption);
      await this.#learnPlaces(encryption);
      for (const each of this.#parts.conversations()) if (this.#isEncrypted(each.id)) this.#read(each.id);
    });
  }

  apply(event: Event): void {
    const { conversation_id: id, seq } = event;
    if (!this.#parts.tabs.leading) return;
    if (event.type === "mls.welcome") void this.#handlingErrors(null, (encryption) => this.#join(encryption));
    else if (event.type === "keys.low") void this.#handlingErrors(null, (encryption) => encryption.leavePackages());
    if (id === undefined || !this.#isEncrypted(id)) return;
    if (seq !== undefined) {
      this.#newEvents.set(id, [...(this.#newEvents.get(id) ?? []), event]);
      this.#read(id);
    } else if (event.type === "conversation.synced") this.#read(id);
    if (event.type === "member.added" || event.type === "member.removed" || event.type === "keys.changed") this.#reconcileLater(id, event);
  }

  /** Whether a message must be sent encrypted: by its type, or because its conversation is encrypted. */
  takes(conversationId: string, body: Pick<MessageFields, "type">): boolean {
    return body.type === "encrypted" || this.#isEncrypted(conversationId);
  }

  /**
   * Encrypts and sends a message; if a device has left, the group gets new keys first. Throws ApiError,
   * TransportFailed, EncryptionError.
   */
  async deliver(conversationId: string, body: MessageFields): Promise<Message> {
    const { client_id, text, reply_to, thread_root, attachment_ids = [], metadata } = body;
    const encryption = await this.#open();
    const reply = reply_to ? { of: reply_to, hash: (await encryption.recall(conversationId, reply_to))?.hash } : undefined;
    const content = await encryption.content(client_id, text ?? "", attachment_ids, metadata, reply);
    this.#ownContents.set(client_id, content);
    const about = { ...(reply_to ? { reply_to } : {}), ...(thread_root ? { thread_root } : {}), ...(attachment_ids.length > 0 ? { attachment_ids } : {}) };
    const message = await this.#sealed(encryption, conversationId, client_id, content, (ciphertext) =>
      this.#parts.send(conversationId, { client_id, type: "encrypted", ciphertext, ...about }),
    );
    const decrypted = await encryption.sent(message);
    if (decrypted) this.#publishDecrypted([decrypted]);
    return message;
  }

  changes(messageId: string): boolean {
    return this.#decrypted.has(messageId);
  }

  votesOf(messageId: string): Readonly<Record<string, readonly number[]>> {
    return this.#decrypted.get(messageId)?.changes?.votes ?? {};
  }

  async change(conversation_id: string, change: Change): Promise<void> {
    const { api, ports } = this.#parts;
    const client_id = ports.uuid();
    await this.#sealed(await this.#open(), conversation_id, client_id, { text: "", files: [], change }, (ciphertext) =>
      api.post("/conversations/{conversation_id}/mls/changes", { path: { conversation_id }, body: { client_id, ciphertext } }),
    );
    if (this.#parts.tabs.leading) this.#read(conversation_id);
  }

  // --- how

  /** Encrypts and sends, again after the end of an epoch; if a device has left, the group gets new keys first. */
  async #sealed<T>(encryption: Encryption, conversationId: string, clientId: string, content: Sendable, send: (ciphertext: string) => Promise<T>): Promise<T> {
    let last: ApiError | null = null;
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const ciphertext = await this.#seal(encryption, conversationId, clientId, content);
      try {
        return await send(ciphertext);
      } catch (error) {
        if (!(error instanceof ApiError) || (error.code !== "rekey_required" && error.code !== "epoch_old")) throw error;
        last = error;
        await encryption.unseal(clientId);
        if (error.code === "rekey_required") await encryption.reconcile(conversationId, { rekey: true });
      }
    }
    throw new EncryptionError(`the group does not come to rest: ${last?.code}`, { code: "no_rest", transient: true });
  }

  async #seal(encryption: Encryption, conversationId: string, clientId: string, content: Sendable): Promise<string> {
    try {
      return await encryption.seal(conversationId, clientId, content);
    } catch (error) {
      if (!(error instanceof EncryptionError) || error.code !== "not_in_group") throw error;
      await this.begin(conversationId); // throws the same error if the group exists: its members then add this device
      return encryption.seal(conversationId, clientId, content);
    }
  }

  #isEncrypted(conversationId: string): boolean {
    return this.#parts.from.of(conversationId) !== undefined || this.#parts.conversation(conversationId)?.settings?.encrypted === true;
  }

  async #learnPlaces(encryption: Encryption): Promise<void> {
    for (const [id, seq] of await encryption.places()) this.#parts.from.learn(id, seq);
  }

  /** Asks for the seq of the group's first commit; only an earlier one than this device knows is believed. */
  async #askStart(conversation_id: string): Promise<void> {
    if (this.#asked.has(conversation_id)) return;
    this.#asked.add(conversation_id);
    try {
      const { seq } = await this.#parts.api.get("/conversations/{conversation_id}/mls/commits/{epoch}", { path: { conversation_id, epoch: "0" } });
      this.#parts.from.learn(conversation_id, seq);
    } catch (error) {
      if (!(error instanceof SecureConnectError)) throw error;
      this.#asked.delete(conversation_id); // to be asked again when the conversation is next shown
    }
  }

  async #open(): Promise<Encryption> {
    const { userId, api, store, ports, lockName, deviceName } = this.#parts;
    if (!deviceName) throw new EncryptionError("this device has no keys", { code: "withheld", transient: false });
    this.#opening ??= load().then(({ Encryption }) =>
      Encryption.open({ userId, api, store, locks: ports.locks, lockName, now: () => ports.clock.now(), uuid: ports.uuid, onDecrypted: (decrypted) => this.#publishDecrypted(decrypted) }),
    );
    this.#opening.catch(() => (this.#opening = null)); // for example without a network: the next call tries again
    return this.#opening;
  }

  async #register(encryption: Encryption): Promise<void> {
    if (this.#registered) return;
    await encryption.register(this.#parts.deviceName);
    this.#registered = true;
  }

  async #join(encryption: Encryption): Promise<void> {
    for (const id of await encryption.joinWaiting()) {
      await this.#learnPlaces(encryption);
      await this.#publishState(id);
      this.#read(id);
    }
  }

  /** Decrypts a conversation's new events; one run after the other. */
  #read(conversationId: string): void {
    const before = this.#reading.get(conversationId) ?? Promise.resolve();
    const work = before.then(async () => {
      const received = this.#newEvents.get(conversationId) ?? [];
      this.#newEvents.delete(conversationId);
      await this.#handlingErrors(conversationId, async (encryption) => {
        await encryption.catchUp(conversationId, received);
        await this.#publishState(conversationId);
      });
    });
    this.#reading.set(conversationId, work);
    void work.finally(() => {
      if (this.#reading.get(conversationId) !== work) return;
      this.#reading.delete(conversationId);
      this.#parts.onRead(conversationId);
    });
  }

  #publishDecrypted(decrypted: readonly DecryptedMessage[]): void {
    this.#addDecrypted(decrypted);
    this.#parts.tabs.tell("said", decrypted);
  }

  #addDecrypted(decrypted: readonly DecryptedMessage[]): void {
    for (const each of decrypted) {
      this.#decrypted.set(each.messageId, each);
      if (each.text !== null) this.#parts.from.learn(each.conversationId, each.seq);
    }
    for (const id of new Set(decrypted.map((each) => each.conversationId))) this.#parts.onRead(id);
  }

  /** Adds and removes devices after a change, unless another device was faster. */
  #reconcileLater(conversationId: string, event: Event): void {
    const members = this.#parts.conversation(conversationId)?.member_count ?? 0;
    const { clock, random } = this.#parts.ports;
    const foreignWaitMs = FOREIGN_CHANGE_MS + random() * (FOREIGN_CHANGE_MS + members * PER_MEMBER_MS);
    const waitMs = event.actor_id === this.#parts.userId && event.type !== "keys.changed" ? OWN_CHANGE_MS : foreignWaitMs;
    void clock.sleep(waitMs, this.#stop.signal).then(
      () =>
        this.#handlingErrors(conversationId, async (encryption) => {
          await encryption.catchUp(conversationId);
          if (!(await encryption.isSettled(conversationId, event))) await encryption.reconcile(conversationId);
        }),
      () => undefined, // nobody is signed in any more
    );
  }

  async #publishState(conversationId: string): Promise<void> {
    const encryption = await this.#open();
    const isIn = await encryption.isInGroup(conversationId);
    const [changes, epoch] = [await encryption.changes(conversationId), await encryption.epoch(conversationId)];
    this.#publish(conversationId, { phase: isIn ? "ready" : "waiting", changes, epoch });
    const last = this.#parts.conversation(conversationId)?.last_message;
    const decrypted = last?.type === "encrypted" && !this.#decrypted.has(last.id) ? await encryption.recall(conversationId, last.id) : undefined;
    if (decrypted) this.#addDecrypted([decrypted]);
  }

  #publish(conversationId: string, keys: ConversationKeys): void {
    const value = this.#keysOf(conversationId);
    if (JSON.stringify(value.get()) === JSON.stringify(keys)) return;
    value.set(keys);
    this.#parts.tabs.tell("keys", { conversationId, keys });
    this.#parts.onRead(conversationId);
  }

  #keysOf(conversationId: string): Value<ConversationKeys> {
    let value = this.#keys.get(conversationId);
    if (!value) this.#keys.set(conversationId, (value = new Value(this.#parts.deviceName ? OPENING : WITHHELD)));
    return value;
  }

  /** Runs `work`; publishes an error as the state of the conversation's keys, or tries again later if it may pass. */
  async #handlingErrors(conversationId: string | null, work: (encryption: Encryption) => Promise<unknown>): Promise<void> {
    try {
      await work(await this.#open());
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const changes: readonly KeyChange[] = conversationId === null ? [] : this.#keysOf(conversationId).get().changes;
      if (error instanceof EncryptionError && conversationId !== null) {
        const phase = error.code === "not_in_group" ? "waiting" : error.code === "server_misbehaved" ? "broken" : null;
        if (phase) this.#publish(conversationId, { phase, changes });
      } else if (error instanceof DOMException && error.name === "NotSupportedError") {
        for (const each of this.#parts.conversations()) if (each.settings?.encrypted) this.#publish(each.id, { phase: "unsupported", changes });
      } else if (error instanceof SecureConnectError) {
        if (conversationId !== null) this.#retryLater(conversationId);
      } else throw error;
    }
  }

  #retryLater(conversationId: string): void {
    const { ports, tabs } = this.#parts;
    void ports.clock.sleep(RETRY_AFTER_MS, this.#stop.signal).then(
      () => tabs.leading && this.#read(conversationId),
      () => undefined, // nobody is signed in any more
    );
  }
}

/** Whether this device may have keys all the same: the error is neither that it is to have none, nor that it lacks the algorithms. */
const canHaveKeys = (error: unknown): boolean =>
  !(error instanceof EncryptionError && error.code === "withheld") && !(error instanceof DOMException && error.name === "NotSupportedError");

async function load(): Promise<typeof import("./index")> {
  try {
    return await import("./index");
  } catch (error) {
    throw new TransportFailed(`encryption could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}
