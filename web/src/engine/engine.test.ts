import "fake-indexeddb/auto";
import { afterEach, expect, test } from "vitest";
import { clock } from "./browser";
import { TabEngine } from "./engine";
import { IdbStore } from "./storage/idb-store";
import { MemoryStore } from "./storage/store";
import { FakeServer, QUICK } from "./testing/fake-server";
import { localTabs } from "./testing/local-tabs";
import { until } from "./testing/until";

let machines = 0;
const open: TabEngine[] = [];

/** A browser in which somebody is signed in; each call of the returned function opens a tab. */
async function browser(server: FakeServer) {
  const name = `machine-${(machines += 1)}`;
  const machine = localTabs();
  let first = true;
  return async () => {
    const store = await IdbStore.open(name);
    const engine = new TabEngine({ httpUrl: "http://service", store, ports: server.ports(machine), settings: QUICK });
    open.push(engine);
    await engine.start();
    if (first) await engine.adopt({ user: { id: "me" }, tokens: server.tokens() });
    first = false;
    await until(() => expect(engine.session.get().state).toBe("signed_in"));
    await until(() => expect(engine.conversations.list.get().loaded).toBe(true));
    return engine;
  };
}

/** The texts of the messages that a tab receives from now on. */
function texts(engine: TabEngine): string[] {
  const received: string[] = [];
  engine.on("message.created", (event) => received.push(event.data?.text ?? ""));
  return received;
}

const live = (engine: TabEngine) => until(() => expect(engine.status.get()).toMatchObject({ phase: "live", caughtUp: true }));

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.stop()));
});

test("three tabs share one socket, and each gets each event once", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const tab = await browser(server);
  const tabs = [await tab(), await tab(), await tab()];
  const received = tabs.map(texts);
  for (const each of tabs) await live(each);
  for (let n = 1; n <= 5; n += 1) server.say("c", "ada", `${n}`);
  await until(() => expect(received).toEqual(Array.from({ length: 3 }, () => ["1", "2", "3", "4", "5"])));
  expect(server.sockets.size).toBe(1);
  expect(tabs.filter((each) => each.status.get().leader)).toHaveLength(1);
});

test("when the tab with the socket closes, another takes over and nothing is lost", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const tab = await browser(server);
  const [first, second] = [await tab(), await tab()];
  await live(second);
  const received = texts(second);
  await first.stop();
  server.say("c", "ada", "between");
  await until(() => expect(second.status.get()).toMatchObject({ phase: "live", leader: true }));
  server.say("c", "ada", "after");
  await until(() => expect(received).toEqual(["between", "after"]));
});

test("a message shows once in all tabs and is sent by the tab with the socket", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const tab = await browser(server);
  const [first, second] = [await tab(), await tab()];
  await live(second);
  const timelines = [first.timeline("c"), second.timeline("c")];
  await until(() => timelines.forEach((each) => expect(each.get().items).toHaveLength(1)));
  const item = await second.outbox.send("c", { text: "hello" });
  const shown = second.timeline("c").get().items.at(-1);
  expect(shown).toMatchObject({ state: "pending", message: { text: "hello" } });
  await until(() =>
    timelines.forEach((each) => expect(each.get().items.map((one) => [one.state, one.message.text])).toEqual([["sent", "before"], ["sent", "hello"]])),
  );
  expect(second.timeline("c").get().items.at(-1)?.key).toBe(shown?.key);
  expect(server.logs.get("c")?.filter((row) => (row.data as { client_id: string }).client_id === item.client_id)).toHaveLength(1);
  expect(server.count("POST /conversations/c/messages")).toBe(0);
});

test("in an encrypted conversation no edited text is sent in the clear", async () => {
  const server = new FakeServer();
  server.encrypted.add("c");
  server.say("c", "me", "from before the encryption");
  const engine = await (await browser(server))();
  await live(engine);
  await expect(engine.commands.editMessage("c", "msg_c_1", "secret")).rejects.toMatchObject({ code: "cannot_encrypt" });
  expect(JSON.stringify([...server.sockets].map(({ received }) => received))).not.toContain("secret");
  expect(server.asked.filter((each) => each.startsWith("PATCH"))).toEqual([]);
});

test("a lost frame is read from the log", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await live(engine);
  const received = texts(engine);
  server.say("c", "ada", "lost", { told: false });
  server.say("c", "ada", "heard");
  await until(() => expect(received).toEqual(["lost", "heard"]));
});

test("after an outage missed messages arrive, and those written meanwhile are sent", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await live(engine);
  const received = texts(engine);
  server.down = true;
  server.dropSockets();
  await engine.outbox.send("c", { text: "mine" });
  server.say("c", "ada", "theirs");
  await until(() => expect(engine.status.get().phase).toBe("offline"));
  server.down = false;
  engine.wake();
  await until(() => expect(received).toEqual(["theirs", "mine"]));
  await until(() => expect(engine.outbox.items.get()).toEqual([]));
});

test("a socket that has died with its network is replaced when the network is back, though it looks open", async () => {
  const server = new FakeServer();
  const engine = await (await browser(server))();
  await live(engine);
  await until(() => expect([...server.sockets][0]?.received).not.toEqual([])); // the presence that every window asks for
  await new Promise((answered) => setTimeout(answered, 20));
  server.loseNetwork();
  engine.wake({ networkWasGone: true });
  await until(() => expect([...server.sockets].map(({ lost }) => lost)).toEqual([false]));
});

test("a page that is left closes its socket before it is frozen, and has another one when it is shown again", async () => {
  const server = new FakeServer();
  const engine = await (await browser(server))();
  await live(engine);
  engine.rest();
  expect(server.sockets.size).toBe(0);
  engine.wake();
  await until(() => expect(server.sockets.size).toBe(1));
});

test("where sockets are refused the log is polled, and messages go over HTTP", async () => {
  const server = new FakeServer();
  server.socketsRefused = true;
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await until(() => expect(engine.status.get().phase).toBe("polling"));
  const received = texts(engine);
  server.say("c", "ada", "polled");
  await engine.outbox.send("c", { text: "mine" });
  await until(() => expect(received).toEqual(["polled", "mine"]));
});

test("what is said while the first list is on its way is shown, though a device without cursors skips its event", async () => {
  const server = new FakeServer();
  server.socketsRefused = true;
  server.say("c", "ada", "before");
  const ports = server.ports();
  let answer = () => {};
  const asked = new Promise<void>((go) => (answer = go));
  const fetch: typeof ports.fetch = async (url, init) => {
    if (new URL(String(url)).pathname === "/conversations") await asked;
    return ports.fetch(url, init);
  };
  const engine = new TabEngine({ httpUrl: "http://service", store: new MemoryStore(), ports: { ...ports, fetch }, settings: QUICK });
  open.push(engine);
  await engine.start();
  await engine.adopt({ user: { id: "me" }, tokens: server.tokens() });
  await until(() => expect(engine.status.get()).toMatchObject({ phase: "polling", caughtUp: false }));
  const received = texts(engine);
  const timeline = engine.timeline("c");
  server.say("c", "ada", "meanwhile");
  answer();
  await until(() => expect(engine.status.get()).toMatchObject({ phase: "polling", caughtUp: true }));
  server.say("c", "ada", "polled");
  await until(() => expect(received).toEqual(["polled"]));
  expect(timeline.get().items.map((item) => item.message?.text)).toEqual(["before", "meanwhile", "polled"]);
  expect(engine.conversations.list.get().items[0]).toMatchObject({ last_seq: 3 });
});

test("a message written before a reload is sent after it", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const tab = await browser(server);
  const first = await tab();
  await live(first);
  server.down = true;
  server.dropSockets();
  await first.outbox.send("c", { client_id: "kept", text: "mine" });
  await first.stop();
  server.down = false;
  const second = await tab();
  await until(() => expect(server.logs.get("c")?.map((row) => (row.data as { text: string }).text)).toEqual(["before", "mine"]));
  await until(() => expect(second.outbox.items.get()).toEqual([]));
});

test("a new device begins with the list of conversations, not with all past events", async () => {
  const server = new FakeServer();
  for (let n = 0; n < 500; n += 1) server.say("c", "ada", `${n}`);
  const engine = await (await browser(server))();
  const received = texts(engine);
  await live(engine);
  expect(received).toEqual([]);
  expect(engine.conversations.of("c")).toMatchObject({ last_seq: 500 });
  expect(server.count("GET /conversations/c/events")).toBe(0);
});

test("signing out in one tab signs out the others", async () => {
  const server = new FakeServer();
  const tab = await browser(server);
  const [first, second] = [await tab(), await tab()];
  server.once("POST /auth/logout", 204);
  await first.logout();
  await until(() => expect(second.session.get()).toEqual({ state: "signed_out" }));
  expect(first.session.get()).toEqual({ state: "signed_out" });
});

test("at sign-out a screen never sees a stopped engine with a session that is still there", async () => {
  const server = new FakeServer();
  const engine = await (await browser(server))();
  await live(engine);
  const states: string[] = [];
  // a screen renders a microtask after it was notified
  engine.status.subscribe(() => void Promise.resolve().then(() => states.push(engine.session.get().state)));
  server.once("POST /auth/logout", 204);
  await engine.logout();
  expect(states.at(-1)).toBe("signed_out");
});

test("a session that was revoked elsewhere ends here with the reason", async () => {
  const server = new FakeServer();
  const engine = await (await browser(server))();
  await live(engine);
  server.frame({ type: "session.revoked", at: "2026-01-01T00:00:00.000Z", data: {} });
  await until(() => expect(engine.session.get()).toEqual({ state: "signed_out", reason: "revoked" }));
});

test("typing is sent at most every two seconds, and then its end", async () => {
  const server = new FakeServer();
  const engine = await (await browser(server))();
  await live(engine);
  for (let n = 0; n < 10; n += 1) engine.typing.typed("c");
  engine.typing.stopped("c");
  const frames = () => [...server.sockets][0]?.received.filter((frame) => frame.action === "typing").map((frame) => frame.typing);
  await until(() => expect(frames()).toEqual([true, false]));
});

test("unread messages are counted as they arrive, and not any more once they are read", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await live(engine);
  server.say("c", "ada", "one");
  server.say("c", "me", "two");
  await until(() => expect(engine.conversations.of("c")).toMatchObject({ last_seq: 3, unread_count: 1 }));
  void engine.commands.markRead("c", 3).catch(() => undefined);
  expect(engine.conversations.of("c")?.unread_count).toBe(0);
  await clock.sleep(1);
});

test("mentions are counted by the server: those by blocked people do not count", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await live(engine);
  const asked = server.count("GET /conversations/c");
  server.say("c", "ada", "@me hello", { mentions: ["me"] });
  await until(() => expect(server.count("GET /conversations/c")).toBeGreaterThan(asked));
  await until(() => expect(engine.conversations.of("c")).toMatchObject({ last_seq: 2, unread_mentions: 0 }));
  server.mentioned = 1;
  server.say("c", "eve", "@me hello", { mentions: ["me"] });
  await until(() => expect(engine.conversations.of("c")).toMatchObject({ last_seq: 3, unread_mentions: 1 }));
});

test.each([
  ["refresh_reused", ["identity of this device"]],
  ["too_many_sessions", ["identity of this device"]],
  ["revoked", []],
  ["logout", []],
])("after a session that ended as %s, what the account keeps here is %j", async (reason, kept) => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await live(engine);
  const store = await IdbStore.open(`machine-${machines}`);
  await store.saveValue("me", "keys/identity", "identity of this device");
  server.frame({ type: "session.revoked", at: "2026-01-01T00:00:00.000Z", data: { session_id: "s", reason } });
  await until(() => expect(engine.session.get()).toEqual({ state: "signed_out", reason: "revoked" }));
  await until(async () => expect([...(await store.loadValues("me", "keys/")).values()]).toEqual(kept));
  store.close();
});

test("signing out leaves nothing of the account here, whichever tab stores last", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const tab = await browser(server);
  const [first, second] = [await tab(), await tab()];
  await live(second);
  server.once("POST /auth/logout", 204);
  await first.logout();
  await until(() => expect(second.session.get()).toEqual({ state: "signed_out" }));
  await second.stop();
  const store = await IdbStore.open(`machine-${machines}`);
  await until(async () => expect([...(await store.loadValues("me", "")).keys(), ...Object.keys(await store.loadCursors("me"))]).toEqual([]));
  store.close();
});

test("a tab that hears late of a session's end leaves alone what began in another tab since", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const engine = await (await browser(server))();
  await live(engine);
  const store = await IdbStore.open(`machine-${machines}`);
  const { access_token: accessToken, refresh_token: refreshToken } = server.tokens();
  await store.saveSession({ userId: "me", sessionId: "ses_2", accessToken, refreshToken, expiresAt: clock.now() + 900_000 });
  await store.saveValue("me", "keys/identity", "identity of the new device");
  server.frame({ type: "session.revoked", at: "2026-01-01T00:00:00.000Z", data: { session_id: "ses_1", reason: "revoked" } });
  await until(() => expect(engine.session.get()).toEqual({ state: "signed_in", userId: "me", sessionId: "ses_2" }));
  await engine.stop();
  expect(await store.loadSession()).toMatchObject({ sessionId: "ses_2" });
  expect([...(await store.loadValues("me", "keys/")).values()]).toEqual(["identity of the new device"]);
  store.close();
});

test("a second factor that is demanded before this device has read its store is asked for", async () => {
  class SlowStore extends MemoryStore {
    override async loadValues<T>(account: string, prefix: string): Promise<Map<string, T>> {
      await clock.sleep(50);
      return super.loadValues<T>(account, prefix);
    }
  }
  const server = new FakeServer();
  server.once("POST /realtime/tickets", 403, { code: "second_factor_required" });
  const engine = new TabEngine({ httpUrl: "http://service", store: new SlowStore(), ports: server.ports(), settings: QUICK });
  open.push(engine);
  await engine.start();
  await engine.adopt({ user: { id: "me" }, tokens: server.tokens() });
  expect(engine.session.get().state).toBe("enrolling");
});

test("who signs in and has to enrol a second factor sees nothing else before, also after a reload, and goes on in all tabs", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const [store, machine] = [new MemoryStore(), localTabs()];
  const tab = () => {
    const engine = new TabEngine({ httpUrl: "http://service", store, ports: server.ports(machine), settings: QUICK });
    open.push(engine);
    const seen: string[] = [];
    engine.session.subscribe(() => seen.push(engine.session.get().state));
    return { engine, seen };
  };
  const first = tab();
  await first.engine.start();
  await first.engine.adopt({ user: { id: "me" }, tokens: { ...server.tokens(), must_enrol: true } });
  expect(first.seen).toEqual(["signed_out", "enrolling"]);
  const reloaded = tab();
  await reloaded.engine.start();
  expect(reloaded.seen).toEqual(["enrolling"]);
  await first.engine.enrolled();
  await until(() => expect(first.seen).toEqual(["signed_out", "enrolling", "signed_in"]));
  await until(() => expect(reloaded.seen).toEqual(["enrolling", "signed_in"]));
});

test("somebody of whom a second factor is demanded goes on in all tabs once they have enrolled one", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  const tab = await browser(server);
  const [first, second] = [await tab(), await tab()];
  await live(second);
  const demanded = [403, { code: "second_factor_required" }] as const;
  server.once("POST /realtime/tickets", ...demanded);
  server.once("POST /realtime/tickets", ...demanded);
  server.dropSockets();
  for (const each of [first, second]) await until(() => expect(each.session.get().state).toBe("enrolling"));
  await first.enrolled();
  for (const each of [first, second]) {
    await until(() => expect(each.session.get().state).toBe("signed_in"));
    await live(each);
  }
});

test("a page that goes away tells the server that its session is over, by a request that outlives it", async () => {
  const server = new FakeServer();
  const said: RequestInit[] = [];
  const ports = server.ports();
  const fetch = (url: string, given: RequestInit) => {
    if (url.endsWith("/auth/logout")) said.push(given);
    return ports.fetch.call(undefined, url, given);
  };
  const engine = new TabEngine({ httpUrl: "http://service", store: new MemoryStore(), ports: { ...ports, fetch: fetch as typeof ports.fetch }, keepsNothing: true, settings: QUICK });
  open.push(engine);
  await engine.start();
  engine.leave();
  expect(said).toEqual([]);
  await engine.adopt({ user: { id: "me" }, tokens: server.tokens() });
  engine.leave();
  expect(said).toEqual([{ method: "POST", keepalive: true, headers: { Authorization: `Bearer ${server.accessToken}` } }]);
  await until(() => expect(engine.session.get()).toEqual({ state: "signed_out" })); // also if the browser keeps the page
});

test("a page that keeps nothing has a good token when it goes away, however long nobody has used it", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  let later = 0;
  const quick = (ms: number, signal?: AbortSignal) => clock.sleep(ms === 30_000 ? 5 : ms, signal);
  const ports = { ...server.ports(), clock: { now: () => clock.now() + later, sleep: quick } };
  const engine = new TabEngine({ httpUrl: "http://service", store: new MemoryStore(), ports, keepsNothing: true, settings: QUICK });
  open.push(engine);
  await engine.start();
  await engine.adopt({ user: { id: "me" }, tokens: server.tokens() });
  await live(engine);
  later = 890_000;
  await until(() => expect(server.refreshes).toBe(1));
});

test("a conversation that was ever encrypted stays so, whatever the server says later", async () => {
  const server = new FakeServer();
  server.say("c", "ada", "before");
  server.encrypted.add("c");
  const tab = await browser(server);
  await live(await tab());
  server.encrypted.delete("c");
  server.say("c", "ada", "forged");
  const engine = await tab();
  const known = engine.conversations.of("c")!;
  expect(known.settings.encrypted).toBe(true);
  expect(engine.endToEnd.shown(known.last_message!, "c").text).toBeNull();
});
