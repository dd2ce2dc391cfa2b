/** A device in a history of an encrypted group: the engine's encryption without screens and sockets. */
import type { Change, Changed } from "../../src/engine/encryption/changes";
import { Encryption } from "../../src/engine/encryption/encryption";
import { hex } from "../../src/engine/encryption/bytes";
import type { Identity } from "../../src/engine/encryption/mls";
import { type DecryptedMessage, Shelf } from "../../src/engine/encryption/shelf";
import { TsMls } from "../../src/engine/encryption/ts-mls";
import { Vault } from "../../src/engine/encryption/vault";
import type { Conversation, MessageFields } from "../../src/engine/service/api";
import { EncryptedFrom } from "../../src/engine/encryption/view";
import { EncryptionDesk } from "../../src/engine/encryption/desk";
import { clock } from "../../src/engine/browser";
import { Http } from "../../src/engine/service/http";
import { IdbStore } from "../../src/engine/storage/idb-store";
import { EncryptionError } from "../../src/engine/service/problems";
import { actingAs, typedApi } from "../../src/engine/service/requests";
import { SessionKeeper } from "../../src/engine/service/session";
import { Tabs } from "../../src/engine/storage/tabs";
import { localTabs } from "../../src/engine/testing/local-tabs";

export interface EncryptedOpening {
  http_url: string;
  user_id: string;
  session: { access_token: string; refresh_token: string; expires_in: number; session_id: string };
}

interface Running {
  encryption: Encryption;
  desk: EncryptionDesk;
  store: IdbStore;
}

interface About {
  conversation_id: string;
}

export class EncryptedDevice {
  readonly #name: string;
  readonly #opening: EncryptedOpening;
  readonly #fetch: typeof fetch;
  #losses = 0;
  /** The next id that the desk takes, for a change. */
  #nextId: string | null = null;
  #running: Running | null = null;

  constructor(name: string, opening: EncryptedOpening, fetch_: typeof fetch) {
    this.#name = name;
    this.#opening = opening;
    this.#fetch = fetch_;
  }

  /** Starts from the stored state; returns the device id and the signature key in hex. */
  async open(): Promise<{ device_id: string; key: string }> {
    const { http_url, user_id: userId, session } = this.#opening;
    const store = await IdbStore.open(`${this.#name} ${this.#losses}`);
    const { locks, channel } = localTabs(); // new locks, as after the end of the process that held them
    const http = new Http({ baseUrl: http_url, fetch: this.#fetch, clock, random: Math.random, backoff: { baseMs: 100, capMs: 1_000 }, timeoutMs: 30_000 });
    const keeper = new SessionKeeper({ http, store, clock, locks, lockName: "refresh" });
    await keeper.begin({ user: { id: userId }, tokens: session });
    const api = typedApi(actingAs(http, keeper, userId));
    const [lockName, uuid] = ["keys", () => crypto.randomUUID()];
    const nextId = () => {
      const id = this.#nextId ?? uuid();
      this.#nextId = null;
      return id;
    };
    const tabs = new Tabs({ channel: channel("keys"), locks, clock, lockName: "leader", tabId: uuid() });
    const encrypted = { settings: { encrypted: true } } as Conversation;
    const desk = new EncryptionDesk({
      userId,
      deviceName: this.#name,
      api,
      store,
      ports: { clock, locks, uuid: nextId, random: Math.random, fetch: this.#fetch } as never,
      lockName,
      tabs,
      conversation: () => encrypted,
      conversations: () => [],
      from: new EncryptedFrom({ store, account: userId, tabs, onLearn: () => undefined }),
      send: (conversation_id: string, body: MessageFields) => api.post("/conversations/{conversation_id}/messages", { path: { conversation_id }, body }),
      onRead: () => undefined,
    });
    const encryption = await Encryption.open({ userId, api, store, locks, lockName, now: clock.now, uuid });
    this.#running = { encryption, desk, store };
    const identity = await this.#vault.get<Identity>("identity");
    return { device_id: encryption.deviceId, key: hex(identity!.signatureKey) };
  }

  /** Starts again as after a crash, with the stored state. */
  restart() {
    this.#running?.store.close();
    return this.open();
  }

  /** Starts again after losing the stored state. */
  lose() {
    this.#losses += 1;
    return this.restart();
  }

  register(): Promise<void> {
    return this.#opened.encryption.register(this.#name);
  }

  join(): Promise<string[]> {
    return this.#opened.encryption.joinWaiting();
  }

  async send({ conversation_id, text, poll, client_id }: About & { text: string; poll: unknown; client_id: string }): Promise<{ seq: number; id: string }> {
    await this.#requireInGroup(conversation_id);
    const { seq, id } = await this.#opened.desk.deliver(conversation_id, { client_id, text, metadata: { poll } });
    return { seq, id };
  }

  async change({ conversation_id, change, client_id }: About & { change: Change; client_id: string }): Promise<void> {
    await this.#requireInGroup(conversation_id);
    this.#nextId = client_id;
    await this.#opened.desk.change(conversation_id, change);
  }

  /** The desk would begin a group otherwise. */
  async #requireInGroup(conversationId: string): Promise<void> {
    if (await this.#opened.encryption.isInGroup(conversationId)) return;
    throw new EncryptionError("it has been taken out", { code: "not_in_group", transient: true });
  }

  async catch_up({ conversation_id }: About): Promise<void> {
    await this.#opened.encryption.catchUp(conversation_id);
  }

  async reconcile({ conversation_id }: About): Promise<void> {
    await this.#opened.encryption.reconcile(conversation_id);
  }

  update({ conversation_id }: About): Promise<void> {
    return this.#opened.encryption.update(conversation_id);
  }

  /** The device's epoch, seq and leaves of the group; null if the device is not in it. */
  async at({ conversation_id }: About) {
    const shelf = new Shelf(this.#vault, await TsMls.open(clock.now));
    if (!(await shelf.has(conversation_id))) return null;
    const { group, seq } = await shelf.load(conversation_id);
    return { epoch: group.epoch, seq, leaves: group.leaves.map(({ userId, deviceId, signatureKey }) => [userId, deviceId, hex(signatureKey)]) };
  }

  /** Seqs, texts, and what changes have made of the messages. */
  async decrypted({ conversation_id }: About): Promise<[number, string | null, Changed | null][]> {
    return (await this.#opened.encryption.decrypted(conversation_id)).map(({ seq, text, changes }: DecryptedMessage) => [seq, text, changes ?? null]);
  }

  get #opened(): Running {
    if (!this.#running) throw new Error("the device was never opened");
    return this.#running;
  }

  get #vault(): Vault {
    return new Vault(this.#opened.store, this.#opening.user_id);
  }
}
