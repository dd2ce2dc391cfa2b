/** The engine of one tab: the session, and the state of the person who is signed in. */
import type {
  Action,
  ActionData,
  ActionFields,
  Api,
  Event,
  EventOf,
  EventType,
  FullProfile,
} from "./service/api";
import { Http } from "./service/http";
import type { LiveSettings } from "./live/live";
import type { Person } from "./person";
import type { Channel, Ports } from "./ports";
import { ApiError, NotSignedIn } from "./service/problems";
import { authorised, typedApi } from "./service/requests";
import { SessionKeeper, type SignedIn } from "./service/session";
import type { Session, Store } from "./storage/store";
import { Value } from "./subscribable";
import type { Auth, Engine, LinkStatus, SessionState, Subscribable, Timeline } from "./types";

/** Reasons for which the service ends sessions by itself; for all others a person has ended it, on another device. */
const MAY_RETURN: ReadonlySet<string> = new Set(["refresh_reused", "too_many_sessions", "second_factor_required"]);
/** Half of the time before its expiry at which a token is renewed. */
const TOKEN_CHECK_MS = 30_000;
const STOPPED: LinkStatus = { phase: "stopped", caughtUp: false, leader: false };

export interface EngineParts {
  /** The absolute URL of the HTTP API. */
  httpUrl: string;
  /** The URL for sockets, instead of the one that tickets give. */
  wsUrl?: string | undefined;
  store: Store;
  ports: Ports;
  settings?: Partial<LiveSettings>;
  /** The name of this device in encrypted conversations; without it end-to-end encryption is off. */
  deviceName?: string | undefined;
  /** The store is in memory, and no other tab shares it. */
  keepsNothing?: boolean | undefined;
}

type Listener = (event: Event) => void;

/** What tabs tell each other about the session: that it has changed, and whose data is to be removed (or null). */
interface Changed {
  left: string | null;
}

export class TabEngine implements Engine, Auth {
  readonly keepsNothing: boolean;
  readonly session = new Value<SessionState>({ state: "loading" });
  readonly me: Subscribable<FullProfile | null>;
  readonly status: Subscribable<LinkStatus>;
  readonly api: Api;
  readonly #parts: EngineParts;
  readonly #http: Http;
  readonly #keeper: SessionKeeper;
  readonly #channel: Channel;
  readonly #me = new Value<FullProfile | null>(null);
  readonly #status = new Value<LinkStatus>(STOPPED);
  readonly #listeners = new Map<EventType | "*", Set<Listener>>();
  #person: Person | null = null;
  #switching: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: EngineParts) {
    const { httpUrl, store, ports } = parts;
    const name = `secureconnect:${httpUrl}`;
    this.#parts = parts;
    this.keepsNothing = parts.keepsNothing ?? false;
    this.me = this.#me;
    this.status = this.#status;
    this.#http = new Http({ baseUrl: httpUrl, fetch: ports.fetch, clock: ports.clock, random: ports.random });
    this.#keeper = new SessionKeeper({
      http: this.#http,
      store,
      clock: ports.clock,
      locks: ports.locks,
      lockName: `${name}:refresh`,
      onChange: (session, revoked) => void this.#switchSession(session, revoked),
    });
    this.api = typedApi({ request: (method, request) => authorised(this.#http, this.#keeper, method, request) });
    this.#channel = ports.channel(`${name}:session`);
    this.#channel.onMessage((message) => void this.#changed(message as Changed));
  }

  get auth(): Auth {
    return this;
  }

  async start(): Promise<void> {
    const session = await this.#keeper.load();
    if (session === null) this.session.set({ state: "signed_out" });
    await this.#switching;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#switching;
    await this.#person?.stop();
    this.#channel.close();
  }

  // --- session

  async register(body: Parameters<Auth["register"]>[0]): Promise<void> {
    await this.adopt(await this.api.post("/auth/register", { body }));
  }

  async login(body: Parameters<Auth["login"]>[0]): Promise<void> {
    await this.adopt(await this.api.post("/auth/login", { body }));
  }

  async adopt(answer: SignedIn): Promise<void> {
    await this.#keeper.begin(answer);
    this.#tell();
    await this.#switching;
  }

  async enrolled(): Promise<void> {
    await this.#keeper.enrolled();
    this.#tell();
    await this.#resume();
  }

  async logout({ everywhere = false } = {}): Promise<void> {
    const session = this.#keeper.current;
    if (!session) return;
    try {
      await (everywhere ? this.api.post("/auth/logout-all", {}) : this.api.post("/auth/logout", {}));
    } finally {
      await this.#keeper.end();
      await this.#forget(session.userId);
      this.#tell(session.userId);
    }
  }

  leave(): void {
    const session = this.#keeper.current;
    if (!session) return;
    const { httpUrl, ports } = this.#parts;
    const headers = { Authorization: `Bearer ${session.accessToken}` };
    const told = ports.fetch.call(undefined, `${httpUrl}/auth/logout`, { method: "POST", headers, keepalive: true });
    void told.catch(() => undefined); // nobody is here any more to try again
    void this.#keeper.end(); // somebody else may come back to the page, if the browser keeps it
  }

  refreshProfile(): Promise<FullProfile> {
    return this.#require().refreshProfile();
  }

  // --- state of the signed-in person; throws NotSignedIn while nobody is signed in

  get conversations() {
    return this.#require().conversations;
  }
  get outbox() {
    return this.#require();
  }
  get commands() {
    return this.#require();
  }
  get presence() {
    return this.#require().presence;
  }
  get typing() {
    return this.#require().typing;
  }
  get receipts() {
    return this.#require().receipts;
  }
  get calls() {
    return this.#require().calls;
  }
  get notifications() {
    return this.#require().notifications;
  }
  get uploads() {
    return this.#require().uploads;
  }
  get drafts() {
    return this.#require().drafts;
  }
  get endToEnd() {
    return this.#require().endToEnd;
  }
  get assistant() {
    return this.#require().assistant;
  }

  timeline(conversationId: string): Timeline {
    return this.#require().timeline(conversationId);
  }

  look(conversationId: string | null): void {
    this.#person?.focus.show(conversationId);
  }

  async request<A extends Action>(action: A, fields: ActionFields<A>): Promise<ActionData<A>> {
    return (await this.#require().account.live.request(action, fields as never)) as ActionData<A>;
  }

  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void;
  on(type: "*", listener: Listener): () => void;
  on(type: EventType | "*", listener: (event: never) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener as Listener));
    return () => void listeners.delete(listener as Listener);
  }

  wake({ networkWasGone = false } = {}): void {
    this.#person?.account.live.wake(networkWasGone);
    void this.#person?.account.outbox.kick();
  }

  rest(): void {
    this.#person?.account.live.rest();
  }

  // --- how

  #require(): Person {
    if (!this.#person) throw new NotSignedIn("nobody is signed in");
    return this.#person;
  }

  /** Switches from one session to the next, or to none; switches run one after the other. */
  #switchSession(session: Session | null, revoked: boolean): Promise<void> {
    const last = this.#switching.catch(() => undefined); // its caller got the error
    this.#switching = last.then(async () => {
      if (this.#stopped) return;
      const before = this.#person;
      const leaving = before !== null && session?.userId !== before.userId;
      if (leaving) {
        // all of it before the first await: a listener of one of these values sees the others changed as well
        this.#person = null;
        this.#status.set(STOPPED);
        this.#me.set(null);
        if (session !== null) this.session.set({ state: "loading" });
      }
      if (session === null && this.session.get().state !== "signed_out") {
        this.#me.set(null);
        this.session.set({ state: "signed_out", ...(before && revoked ? { reason: "revoked" as const } : {}) });
      }
      if (leaving) await before.stop();
      if (session === null) return;
      if (session.mustEnrol) return this.#enrolling(session);
      if (!this.#person) await this.#open(session);
      // there is none if the server has already asked for a second factor
      if (this.#person) this.session.set({ state: "signed_in", userId: session.userId, sessionId: session.sessionId });
    });
    return this.#switching;
  }

  async #open(session: Session): Promise<void> {
    const { httpUrl, wsUrl, store, ports, settings = {}, deviceName } = this.#parts;
    const { Person } = await import("./person"); // not needed to sign in
    const person = await Person.open({
      userId: session.userId,
      httpUrl,
      wsUrl,
      http: this.#http,
      keeper: this.#keeper,
      store,
      ports,
      settings,
      deviceName,
      onEvent: (event) => this.#dispatch(event),
    });
    this.#person = person;
    const current = () => this.#person === person;
    person.status.subscribe(() => current() && this.#status.set(person.status.get()));
    person.me.subscribe(() => current() && this.#me.set(person.me.get()));
    this.#status.set(person.status.get());
    this.#me.set(person.me.get());
    person.account.over.catch((error: unknown) => this.#streamEnded(person, error));
    if (this.keepsNothing) void this.#keepToken(person);
    // on failure the stored profile stays, and the next start asks again
    person.refreshProfile().catch(() => undefined);
  }

  /** Keeps the access token good while nothing asks for it: `leave` has no time to renew it. */
  async #keepToken(person: Person): Promise<void> {
    while (this.#person === person && !this.#stopped) {
      // a refusal has ended the session, and without a network the next round tries again
      await this.#keeper.token(person.userId).catch(() => undefined);
      await this.#parts.ports.clock.sleep(TOKEN_CHECK_MS);
    }
  }

  /** The stream has ended: either the session is over, or this client has a bug, whose error must surface. */
  async #streamEnded(person: Person, error: unknown): Promise<void> {
    if (this.#person !== person) return;
    const refused = error instanceof ApiError && (error.status === 401 || error.status === 403);
    if (!refused && !(error instanceof NotSignedIn)) throw error;
    if (error instanceof ApiError && error.code === "second_factor_required") return this.#enrol(person);
    if (this.#keeper.current?.userId === person.userId) await this.#revoked();
  }

  /** Closes the person's state, of which the server shows nothing before a second factor is enrolled. */
  async #enrol(person: Person): Promise<void> {
    const session = this.#keeper.current;
    if (session?.userId !== person.userId) return;
    this.#person = null;
    this.#status.set(STOPPED);
    this.#enrolling(session);
    await person.stop();
  }

  #enrolling({ userId, sessionId }: Session): void {
    this.session.set({ state: "enrolling", userId, sessionId });
  }

  /** Goes on with a session that was `enrolling`. */
  async #resume(): Promise<void> {
    if (this.session.get().state === "enrolling") await this.#switchSession(this.#keeper.current, false);
  }

  /**
   * The server has ended the session. The account's data and keys stay for the next sign-in here, unless somebody has
   * ended it `forGood`, as by signing this device out from another one.
   */
  async #revoked({ forGood = false } = {}): Promise<void> {
    const left = forGood ? this.#keeper.current?.userId : undefined;
    await this.#keeper.end({ revoked: true });
    if (left) await this.#forget(left);
    this.#tell(left);
  }

  #tell(left: string | null = null): void {
    this.#channel.post({ left } satisfies Changed);
  }

  /** Another tab has changed the session. */
  async #changed({ left }: Changed): Promise<void> {
    await this.#keeper.load();
    await this.#resume();
    if (left) await this.#forget(left);
  }

  /**
   * Removes an account's data from this device once this tab has stopped storing any; each tab does so, as the others
   * may still store some. Does nothing if the person has signed in again meanwhile.
   */
  async #forget(userId: string): Promise<void> {
    await this.#switching;
    const { store } = this.#parts;
    if ((await store.loadSession())?.userId !== userId) await store.wipe(userId);
  }

  #dispatch(event: Event): void {
    if (event.type === "session.revoked") void this.#revoked({ forGood: event.data !== null && !MAY_RETURN.has(event.data.reason) });
    for (const key of [event.type, "*"] as const) for (const each of [...(this.#listeners.get(key) ?? [])]) each(event);
  }
}
