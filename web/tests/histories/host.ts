/**
 * Devices that run this engine, driven by a test program over lines of JSON. The program carries their requests and
 * frames, so that it can lose, duplicate and delay them, and gets each event that a device's application got.
 */
import "fake-indexeddb/auto";
import { createInterface } from "node:readline";
import { Account, type AccountParts } from "../../src/engine/service/account";
import { clock } from "../../src/engine/browser";
import { Http } from "../../src/engine/service/http";
import { IdbStore } from "../../src/engine/storage/idb-store";
import type { WireEvents } from "../../src/engine/ports";
import { ApiError, ConnectionLost, EncryptionError, NotSignedIn, TransportFailed } from "../../src/engine/service/problems";
import { SessionKeeper } from "../../src/engine/service/session";
import { localTabs } from "../../src/engine/testing/local-tabs";
import { View } from "../../src/engine/messages/view";
import { EncryptedDevice } from "./encrypted";

/** A line from the test program; untyped, since both sides are one test. */
type Line = any;

const writeLine = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Open questions to the test program, by id. */
const asked = new Map<number, { resolve(line: Line): void; reject(error: Error): void }>();
const wires = new Map<number, WireEvents>();
let lastId = 0;

function ask(line: object): Promise<Line> {
  const id = (lastId += 1);
  writeLine({ ...line, id });
  return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
}

/** A device's fetch; the test program carries the requests. */
const fetchOf =
  (device: string): typeof fetch =>
  async (url, { method, headers, body } = {}) => {
    const answer: { status: number; headers: Record<string, string>; body: string } = await ask({ t: "fetch", device, method, url: String(url), headers, body });
    const empty = answer.status === 204 || answer.body === "";
    return new Response(empty ? null : answer.body, { status: answer.status, headers: answer.headers });
  };

interface Opening {
  http_url: string;
  user_id: string;
  session: { access_token: string; refresh_token: string; expires_in: number; session_id: string };
  cursors: Record<string, number>;
  polling: boolean;
  reconnect: { base_ms: number; cap_ms: number; spread_ms: number };
  poll_ms: number;
  request_timeout_ms: number;
}

class Device {
  readonly #name: string;
  readonly #opening: Opening;
  readonly #view: View;
  #store: IdbStore | null = null;
  #account: Account | null = null;

  constructor(name: string, opening: Opening) {
    this.#name = name;
    this.#opening = opening;
    this.#view = new View(opening.user_id, clock.now);
  }

  async open(): Promise<void> {
    const { http_url: httpUrl, user_id: userId, polling, reconnect, poll_ms, request_timeout_ms } = this.#opening;
    const first = this.#store === null;
    const store = (this.#store = await IdbStore.open(this.#name));
    const tabs = localTabs();
    const ports: AccountParts["ports"] = {
      fetch: fetchOf(this.#name),
      dial: (url, events) => (polling ? Promise.reject(new ConnectionLost("refused here")) : this.#dial(url, events)),
      sendBytes: () => Promise.reject(new TransportFailed("no storage here")),
      clock,
      ...tabs,
      random: Math.random,
      uuid: () => crypto.randomUUID(),
    };
    const http = new Http({
      baseUrl: httpUrl,
      fetch: ports.fetch,
      clock,
      random: Math.random,
      backoff: { baseMs: 100, capMs: 1_000 },
      timeoutMs: 30_000,
    });
    const keeper = new SessionKeeper({ http, store, clock, locks: tabs.locks, lockName: "refresh" });
    if (first) {
      await keeper.begin({ user: { id: userId }, tokens: this.#opening.session });
      await store.saveCursors(userId, this.#opening.cursors);
    } else {
      await keeper.load();
    }
    const account = (this.#account = await Account.open({
      userId,
      httpUrl,
      http,
      keeper,
      store,
      ports,
      outboxBackoff: { baseMs: 100, capMs: 1_000 },
      settings: {
        gapWaitMs: 100,
        requestTimeoutMs: request_timeout_ms,
        pollMs: poll_ms,
        policy: {
          backoff: { baseMs: reconnect.base_ms, capMs: reconnect.cap_ms },
          spreadMs: reconnect.spread_ms,
          stableMs: 0,
          lifetimeMs: [6_000_000, 6_900_000],
        },
      },
      onEvent: (event) => {
        this.#view.apply(event);
        const { type, conversation_id, seq } = event;
        if (seq !== undefined || type === "conversation.removed") writeLine({ t: "event", device: this.#name, type, conversation_id, seq });
      },
      onItem: (_, item) => item && writeLine({ t: "item", device: this.#name, item }),
    }));
    account.over.catch((error: unknown) => writeLine({ t: "over", device: this.#name, error: String(error) }));
  }

  async close({ crashed }: { crashed: boolean }): Promise<void> {
    await this.#running.stop({ crashed });
    this.#store?.close();
    this.#account = null;
  }

  sync(): void {
    this.#running.live.wake();
    this.#running.live.sync();
  }

  kill(): void {
    this.#running.live.dropConnection();
  }

  send_later({ conversation_id, ...fields }: { conversation_id: string; client_id: string; text: string }) {
    return this.#running.outbox.add(conversation_id, fields);
  }

  caught_up(): boolean {
    return this.#running.live.caughtUp;
  }

  send_message({ conversation_id, ...body }: { conversation_id: string; client_id: string; text: string }) {
    return this.#running.commands.sendMessage(conversation_id, body);
  }

  edit_message({ conversation_id, message_id, text }: { conversation_id: string; message_id: string; text: string }) {
    return this.#running.commands.editMessage(conversation_id, message_id, text);
  }

  delete_message({ conversation_id, message_id }: { conversation_id: string; message_id: string }) {
    return this.#running.commands.deleteMessage(conversation_id, message_id);
  }

  react({ conversation_id, message_id, emoji, remove }: { conversation_id: string; message_id: string; emoji: string; remove: boolean }) {
    return this.#running.commands.react(conversation_id, message_id, emoji, remove);
  }

  mark_read({ conversation_id, seq }: { conversation_id: string; seq: number }) {
    return this.#running.commands.markRead(conversation_id, seq);
  }

  /** The messages as derived from events. */
  state({ conversation_id }: { conversation_id: string }) {
    return this.#view.state(conversation_id)?.messages ?? [];
  }

  stats() {
    return this.#running.live.stats;
  }

  get #running(): Account {
    if (!this.#account) throw new ConnectionLost("the device is off");
    return this.#account;
  }

  async #dial(url: string, events: WireEvents) {
    const { wire }: { wire: number } = await ask({ t: "dial", device: this.#name, url });
    wires.set(wire, events);
    writeLine({ t: "ready", wire });
    return {
      send: (text: string) => {
        if (!wires.has(wire)) throw new ConnectionLost("the socket is closed");
        writeLine({ t: "send", wire, text });
      },
      close: () => {
        if (wires.delete(wire)) writeLine({ t: "close", wire });
      },
    };
  }
}

const devices = new Map<string, Device | EncryptedDevice>();

async function serve(id: number, name: string, method: string, given: never): Promise<void> {
  try {
    if (method === "make") devices.set(name, new Device(name, given));
    if (method === "make_encrypted") devices.set(name, new EncryptedDevice(name, given, fetchOf(name)));
    const device = devices.get(name);
    if (!device) throw new Error(`there is no device ${name}`);
    const work = device[(method.startsWith("make") ? "open" : method) as never] as (given: never) => unknown;
    writeLine({ t: "result", id, value: (await work.call(device, given)) ?? null });
  } catch (error) {
    const kind =
      error instanceof EncryptionError
        ? `encryption ${error.code}`
        : error instanceof ApiError
        ? "api"
        : error instanceof ConnectionLost || error instanceof TransportFailed || error instanceof NotSignedIn
          ? "lost"
          : "fault";
    const problem = error instanceof ApiError ? { ...error.problem, status: error.status, code: error.code } : null;
    writeLine({ t: "refused", id, kind, problem, why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

createInterface({ input: process.stdin }).on("line", (text) => {
  const line: Line = JSON.parse(text);
  const { t, id, wire, device, method, given } = line;
  if (t === "call") void serve(id, device, method, given as never);
  else if (t === "text") wires.get(wire)?.onText(line.text);
  else if (t === "closed") {
    const events = wires.get(wire);
    wires.delete(wire);
    events?.onClose();
  } else if (t === "answer") {
    asked.get(id)?.resolve(line);
    asked.delete(id);
  } else if (t === "failed") {
    asked.get(id)?.reject(new ConnectionLost("failed, by the other side"));
    asked.delete(id);
  }
});
process.stdin.on("end", () => process.exit(0));
