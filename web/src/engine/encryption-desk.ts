/**
 * End-to-end encryption as the rest of the engine sees it: the tab that leads reads and sends for all, every tab shows
 * what was read. What does it (`encryption/`) is loaded once somebody is signed in.
 */
import type { Api, Conversation, Event, Message, MessageFields } from "./api";
import type { Encryption, KeyChange, Said, SealedFile } from "./encryption";
import type { Ports } from "./ports";
import { ApiError, EncryptionError, SecureConnectError, TransportFailed } from "./problems";
import type { Store } from "./store";
import { Value } from "./subscribable";
import type { Tabs } from "./tabs";
import type { ConversationKeys, EndToEnd, Subscribable, TimelineItem, UploadState } from "./types";

/** Of a message that others come before, or that waits for new keys. */
const TRIES = 8;
const AGAIN_MS = 5_000;
/** Who made a change sees to it; the others wait a while, and longer the more they are. */
const OWN_CHANGE_MS = 300;
const FOREIGN_CHANGE_MS = 1_500;
const PER_MEMBER_MS = 100;
const UNKNOWN: ConversationKeys = { phase: "opening", changes: [] };

export interface EncryptionDeskParts {
  userId: string;
  /** What others see of this device. */
  deviceName: string;
  api: Api;
  store: Store;
  ports: Ports;
  lockName: string;
  tabs: Tabs;
  conversation: (conversationId: string) => Conversation | undefined;
  conversations: () => readonly Conversation[];
  send: (conversationId: string, body: MessageFields) => Promise<Message>;
  /** More can be read of this conversation's messages than before. */
  onRead: (conversationId: string) => void;
}

export class EncryptionDesk implements EndToEnd {
  readonly #parts: EncryptionDeskParts;
  readonly #said = new Map<string, Said>();
  /** What this tab is sending or has just sent, by client_id: shown before the log has brought it. */
  readonly #own = new Map<string, { text: string; files: readonly SealedFile[] }>();
  readonly #files = new Map<string, SealedFile>();
  readonly #names = new Map<string, string>();
  readonly #shown = new WeakMap<Message, Message>();
  readonly #keys = new Map<string, Value<ConversationKeys>>();
  readonly #heard = new Map<string, Event[]>();
  readonly #reading = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #opening: Promise<Encryption> | null = null;
  #registered = false;

  constructor(parts: EncryptionDeskParts) {
    this.#parts = parts;
    parts.tabs.on<readonly Said[]>("said", (said) => this.#learn(said));
    parts.tabs.on<{ conversationId: string; keys: ConversationKeys }>("keys", ({ conversationId, keys }) => this.#value(conversationId).set(keys));
  }

  stop(): void {
    this.#stop.abort();
    void this.#opening?.then((encryption) => encryption.close());
  }

  // --- what screens ask for

  of(conversationId: string): Subscribable<ConversationKeys> {
    return this.#value(conversationId);
  }

  async begin(conversationId: string): Promise<void> {
    const encryption = await this.#open();
    await this.#register(encryption);
    await encryption.begin(conversationId);
    await this.#tell(conversationId);
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
    await this.#tell(conversationId);
  }

  async backUp(passphrase: string): Promise<number> {
    return (await this.#open()).backUp(passphrase);
  }

  async restore(passphrase: string): Promise<number> {
    const said = await (await this.#open()).restore(passphrase);
    this.#learn(said);
    if (said.length > 0) this.#parts.tabs.tell("said", said);
    return said.length;
  }

  shown(message: Message): Message {
    if (message.type !== "encrypted" || message.text !== null || message.deleted_at !== null) return message;
    const known = this.#shown.get(message);
    if (known) return known;
    const own = message.sender_id === this.#parts.userId && message.client_id ? this.#own.get(message.client_id) : undefined;
    const said = this.#said.get(message.id);
    const text = said?.text ?? own?.text ?? null;
    if (text === null) return message;
    for (const each of said?.files ?? own?.files ?? []) this.#files.set(each.id, each);
    const shown = { ...message, text, attachments: message.attachments.map((each) => ({ ...each, ...this.#inTheClear(each.id) })) };
    this.#shown.set(message, shown);
    return shown;
  }

  // --- files

  async sealFile(uploadId: string, file: Blob & { name?: string }): Promise<Blob> {
    if (file.name) this.#names.set(uploadId, file.name);
    return (await this.#open()).sealFile(uploadId, file);
  }

  nameOfUpload(uploadId: string): string | undefined {
    return this.#names.get(uploadId);
  }

  async nameFiles(uploads: readonly UploadState[]): Promise<void> {
    const done = uploads.flatMap(({ clientId, file }) => (file ? [{ name: clientId, id: file.id }] : []));
    if (done.length > 0) await (await this.#open()).nameFiles(done);
  }

  opens(fileId: string): boolean {
    return this.#files.has(fileId);
  }

  async openFile(file_id: string): Promise<Blob> {
    const { api, ports } = this.#parts;
    const secret = this.#files.get(file_id);
    if (!secret) throw new EncryptionError("this device has no key for the file", { code: "cannot_decrypt", passing: false });
    const { url } = await api.get("/drive/files/{file_id}/download", { path: { file_id } });
    const fetched = await ports.fetch.call(undefined, url);
    if (!fetched.ok) throw new TransportFailed(`the storage answers ${fetched.status}`);
    const { openFile } = await load();
    return openFile(new Uint8Array(await fetched.arrayBuffer()), secret);
  }

  #inTheClear(fileId: string): { name: string; content_type: string; size: number } | undefined {
    const found = this.#files.get(fileId);
    return found && { name: found.name, content_type: found.content_type, size: found.size };
  }

  /** Why a message shows no text; undefined if it does. */
  sealed(message: Message): TimelineItem["sealed"] {
    if (message.type !== "encrypted" || message.deleted_at !== null || message.text !== null) return undefined;
    if (this.#said.has(message.id)) return "unreadable";
    const { phase } = this.#value(message.conversation_id).get();
    const isBusy = phase === "opening" || this.#reading.has(message.conversation_id);
    const seconds = (this.#parts.ports.clock.now() - Date.parse(message.created_at)) / 1000;
    return isBusy || (phase === "ready" && seconds < 10) ? "waiting" : "unreadable";
  }

  // --- what the engine tells it

  /** Somebody looks at this conversation: what was read of it before comes from the store. */
  async look(conversationId: string): Promise<void> {
    if (!this.#isEncrypted(conversationId)) return;
    await this.#quietly(conversationId, async (encryption) => {
      this.#learn(await encryption.said(conversationId));
      if (this.#value(conversationId).get() === UNKNOWN) await this.#tell(conversationId);
    });
    if (this.#parts.tabs.leading) this.#read(conversationId);
  }

  /** There is a connection: this device is registered, joins what waits for it, and reads on. */
  async renew(): Promise<void> {
    if (!this.#parts.tabs.leading) return;
    await this.#quietly(null, async (encryption) => {
      await this.#register(encryption);
      await this.#join(encryption);
      for (const each of this.#parts.conversations()) if (each.settings?.encrypted) this.#read(each.id);
    });
  }

  apply(event: Event): void {
    const { conversation_id: id, seq } = event;
    if (!this.#parts.tabs.leading) return;
    if (event.type === "mls.welcome") void this.#quietly(null, (encryption) => this.#join(encryption));
    else if (event.type === "keys.low") void this.#quietly(null, (encryption) => encryption.leavePackages());
    if (id === undefined || !this.#isEncrypted(id)) return;
    if (seq !== undefined) {
      this.#heard.set(id, [...(this.#heard.get(id) ?? []), event]);
      this.#read(id);
    } else if (event.type === "conversation.synced") this.#read(id);
    if (event.type === "member.added" || event.type === "member.removed" || event.type === "keys.changed") this.#reconcileLater(id, event);
  }

  /** Whether a message goes out encrypted: by what it is, or by where it goes. */
  takes(conversationId: string, body: Pick<MessageFields, "type">): boolean {
    return body.type === "encrypted" || this.#isEncrypted(conversationId);
  }

  /** Encrypts and sends; first the group gets new keys if somebody has gone. Throws what HTTP throws, and EncryptionError. */
  async deliver(conversationId: string, body: MessageFields): Promise<Message> {
    const { client_id, text, reply_to, thread_root, attachment_ids = [] } = body;
    const encryption = await this.#open();
    const content = await encryption.content(client_id, text ?? "", attachment_ids);
    this.#own.set(client_id, content);
    const about = { ...(reply_to ? { reply_to } : {}), ...(thread_root ? { thread_root } : {}), ...(attachment_ids.length > 0 ? { attachment_ids } : {}) };
    let last: ApiError | null = null;
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const ciphertext = await this.#sealed(encryption, conversationId, client_id, content);
      const sealed: MessageFields = { client_id, type: "encrypted", ciphertext, ...about };
      try {
        const message = await this.#parts.send(conversationId, sealed);
        const said = await encryption.sent(message);
        if (said) {
          this.#learn([said]);
          this.#parts.tabs.tell("said", [said]);
        }
        return message;
      } catch (error) {
        if (!(error instanceof ApiError) || (error.code !== "rekey_required" && error.code !== "epoch_old")) throw error;
        last = error;
        await encryption.unseal(client_id);
        if (error.code === "rekey_required") await encryption.reconcile(conversationId, { rekey: true });
      }
    }
    throw new EncryptionError(`the group does not come to rest: ${last?.code}`, { code: "no_rest", passing: true });
  }

  // --- how

  async #sealed(encryption: Encryption, conversationId: string, clientId: string, content: { text: string; files: readonly SealedFile[] }): Promise<string> {
    try {
      return await encryption.seal(conversationId, clientId, content);
    } catch (error) {
      if (!(error instanceof EncryptionError) || error.code !== "not_in_group") throw error;
      await this.begin(conversationId); // throws the same if somebody else has: they bring this device in
      return encryption.seal(conversationId, clientId, content);
    }
  }

  #isEncrypted(conversationId: string): boolean {
    return this.#parts.conversation(conversationId)?.settings?.encrypted === true;
  }

  #open(): Promise<Encryption> {
    const { userId, api, store, ports, lockName } = this.#parts;
    this.#opening ??= load().then(({ Encryption }) =>
      Encryption.open({ userId, api, store, locks: ports.locks, lockName, now: () => ports.clock.now(), uuid: ports.uuid }),
    );
    this.#opening.catch(() => (this.#opening = null)); // without a network, say: the next one tries again
    return this.#opening;
  }

  async #register(encryption: Encryption): Promise<void> {
    if (this.#registered) return;
    await encryption.register(this.#parts.deviceName);
    this.#registered = true;
  }

  async #join(encryption: Encryption): Promise<void> {
    for (const id of await encryption.joinWaiting()) {
      await this.#tell(id);
      this.#read(id);
    }
  }

  /** Reads a conversation's log on; one after the other. */
  #read(conversationId: string): void {
    const before = this.#reading.get(conversationId) ?? Promise.resolve();
    const work = before.then(async () => {
      const heard = this.#heard.get(conversationId) ?? [];
      this.#heard.delete(conversationId);
      await this.#quietly(conversationId, async (encryption) => {
        const said = await encryption.catchUp(conversationId, heard);
        if (said.length > 0) {
          this.#learn(said);
          this.#parts.tabs.tell("said", said);
        }
        await this.#tell(conversationId);
      });
    });
    this.#reading.set(conversationId, work);
    void work.finally(() => {
      if (this.#reading.get(conversationId) !== work) return;
      this.#reading.delete(conversationId);
      this.#parts.onRead(conversationId);
    });
  }

  #learn(said: readonly Said[]): void {
    for (const each of said) this.#said.set(each.messageId, each);
    for (const id of new Set(said.map((each) => each.conversationId))) this.#parts.onRead(id);
  }

  /** Brings devices in or out after a change, unless another device was faster. */
  #reconcileLater(conversationId: string, event: Event): void {
    const members = this.#parts.conversation(conversationId)?.member_count ?? 0;
    const { clock, random } = this.#parts.ports;
    const foreign = FOREIGN_CHANGE_MS + random() * (FOREIGN_CHANGE_MS + members * PER_MEMBER_MS);
    const waitMs = event.actor_id === this.#parts.userId && event.type !== "keys.changed" ? OWN_CHANGE_MS : foreign;
    void clock.sleep(waitMs, this.#stop.signal).then(
      () =>
        this.#quietly(conversationId, async (encryption) => {
          await encryption.catchUp(conversationId);
          if (!(await encryption.isSettled(conversationId, event))) await encryption.reconcile(conversationId);
        }),
      () => undefined, // nobody is signed in any more
    );
  }

  async #tell(conversationId: string): Promise<void> {
    const encryption = await this.#open();
    const isIn = await encryption.isInGroup(conversationId);
    this.#publish(conversationId, { phase: isIn ? "ready" : "waiting", changes: await encryption.changes(conversationId) });
    const last = this.#parts.conversation(conversationId)?.last_message;
    const said = last?.type === "encrypted" && !this.#said.has(last.id) ? await encryption.recall(conversationId, last.id) : undefined;
    if (said) this.#learn([said]);
  }

  #publish(conversationId: string, keys: ConversationKeys): void {
    const value = this.#value(conversationId);
    if (JSON.stringify(value.get()) === JSON.stringify(keys)) return;
    value.set(keys);
    this.#parts.tabs.tell("keys", { conversationId, keys });
    this.#parts.onRead(conversationId);
  }

  #value(conversationId: string): Value<ConversationKeys> {
    let value = this.#keys.get(conversationId);
    if (!value) this.#keys.set(conversationId, (value = new Value(UNKNOWN)));
    return value;
  }

  /** What goes wrong is shown where it matters, and tried again where that may help. */
  async #quietly(conversationId: string | null, work: (encryption: Encryption) => Promise<unknown>): Promise<void> {
    try {
      await work(await this.#open());
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const changes: readonly KeyChange[] = conversationId === null ? [] : this.#value(conversationId).get().changes;
      if (error instanceof EncryptionError && conversationId !== null) {
        const phase = error.code === "not_in_group" ? "waiting" : error.code === "server_misbehaved" ? "broken" : null;
        if (phase) this.#publish(conversationId, { phase, changes });
      } else if (error instanceof DOMException && error.name === "NotSupportedError") {
        for (const each of this.#parts.conversations()) if (each.settings?.encrypted) this.#publish(each.id, { phase: "unsupported", changes });
      } else if (error instanceof SecureConnectError) {
        if (conversationId !== null) this.#again(conversationId);
      } else throw error;
    }
  }

  #again(conversationId: string): void {
    const { ports, tabs } = this.#parts;
    void ports.clock.sleep(AGAIN_MS, this.#stop.signal).then(
      () => tabs.leading && this.#read(conversationId),
      () => undefined, // nobody is signed in any more
    );
  }
}

async function load(): Promise<typeof import("./encryption")> {
  try {
    return await import("./encryption");
  } catch (error) {
    throw new TransportFailed(`encryption could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}
