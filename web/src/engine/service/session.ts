/**
 * The session: the access token, and its renewal.
 *
 * Refresh tokens rotate, and using an old one more than 30 s after its successor was issued revokes the whole session.
 * So a lock allows one refresh at a time among all tabs, the new token is stored before it is used, and the store is
 * read first inside the lock, in case another tab has already refreshed.
 */
import type { Http } from "./http";
import type { Clock, Locks } from "../ports";
import { ApiError, NotSignedIn, TransportFailed } from "./problems";
import type { Session, Store } from "../storage/store";
import type { TokensAnswer } from "../types";

const REFRESH_AHEAD_MS = 60_000;

export interface SignedIn {
  user: { id: string };
  tokens: TokensAnswer;
}

export interface SessionParts {
  http: Http;
  store: Store;
  clock: Clock;
  locks: Locks;
  /** The name of the refresh lock: one per origin and server. */
  lockName: string;
  /** The session was replaced or has ended (null); `revoked` if the server ended it. */
  onChange?: (session: Session | null, revoked: boolean) => void;
}

export class SessionKeeper {
  readonly #parts: SessionParts;
  #session: Session | null = null;
  #refreshing: Promise<Session> | null = null;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get current(): Session | null {
    return this.#session;
  }

  /** The signed-in person's id; throws NotSignedIn. */
  get userId(): string {
    return this.#require().userId;
  }

  /** Reads the session from the store, at the start and after a change by another tab. */
  async load(): Promise<Session | null> {
    this.#setSession(await this.#parts.store.loadSession(), false);
    return this.#session;
  }

  /** Starts and stores the session of a sign-in answer. */
  async begin(answer: SignedIn): Promise<Session> {
    const session = this.#sessionOf(answer.user.id, answer.tokens, true);
    await this.#parts.store.saveSession(session);
    this.#setSession(session, false);
    return session;
  }

  /** Notes that a second factor has been enrolled; under the lock of the refresh, which would store the demand again. */
  async enrolled(): Promise<void> {
    const { userId } = this.#require();
    const { store, locks, lockName } = this.#parts;
    await locks.hold(lockName, undefined, async () => {
      const { mustEnrol: _, ...session } = await this.#kept(userId);
      await store.saveSession(session);
      this.#setSession(session, false);
    });
  }

  /**
   * Removes the session from this device without telling the server; `revoked` if the server ended it. If another tab
   * has begun a new one meanwhile, this tab goes on with that.
   */
  async end({ revoked = false } = {}): Promise<void> {
    const { store } = this.#parts;
    const kept = await store.loadSession();
    const next = kept?.sessionId === this.#session?.sessionId ? null : kept;
    if (next === null) await store.saveSession(null);
    this.#setSession(next, revoked && next === null);
  }

  /**
   * This person's access token, renewed if it expires within a minute. Throws NotSignedIn, ApiError, TransportFailed.
   */
  async token(userId: string): Promise<string> {
    const session = this.#require(userId);
    if (session.expiresAt - this.#parts.clock.now() > REFRESH_AHEAD_MS) return session.accessToken;
    try {
      return await this.renew(session.accessToken, userId);
    } catch (error) {
      // A transient failure of the refresh does not matter while the old token is valid.
      const transient = error instanceof TransportFailed || (error instanceof ApiError && error.transient);
      if (transient && session.expiresAt > this.#parts.clock.now()) return session.accessToken;
      throw error;
    }
  }

  /** A token other than `stale`; however many callers and tabs ask at once, there is one refresh. */
  async renew(stale: string, userId: string): Promise<string> {
    const session = this.#require(userId);
    if (session.accessToken !== stale) return session.accessToken;
    this.#refreshing ??= this.#parts.locks
      .hold(this.#parts.lockName, undefined, () => this.#refresh(session))
      .finally(() => {
        this.#refreshing = null;
      });
    return (await this.#refreshing).accessToken;
  }

  async #refresh(session: Session): Promise<Session> {
    const { store, http, clock } = this.#parts;
    const kept = await this.#kept(session.userId);
    if (kept.accessToken !== session.accessToken) {
      this.#setSession(kept, false);
      if (kept.expiresAt > clock.now()) return kept;
    }
    let answer: unknown;
    try {
      // Safe to repeat: for 30 s the same refresh token is answered with the same new tokens.
      answer = await http.exchange("POST", {
        path: "/auth/refresh",
        body: { refresh_token: kept.refreshToken },
        retry: true,
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) await this.#endRefused(kept);
      throw error;
    }
    const fresh = this.#sessionOf(kept.userId, (answer as { tokens: TokensAnswer }).tokens, kept.mustEnrol);
    if ((await store.loadSession())?.userId !== kept.userId) throw new NotSignedIn("signed out meanwhile");
    await store.saveSession(fresh);
    if (this.#session !== null) this.#setSession(fresh, false);
    return fresh;
  }

  /** This person's session as it is stored, which another tab may have renewed. */
  async #kept(userId: string): Promise<Session> {
    const kept = await this.#parts.store.loadSession();
    if (kept?.userId === userId) return kept;
    this.#setSession(kept, false);
    throw new NotSignedIn("signed out in another tab");
  }

  async #endRefused(session: Session): Promise<void> {
    const kept = await this.#parts.store.loadSession();
    if (kept?.refreshToken === session.refreshToken) await this.#parts.store.saveSession(null);
    if (this.#session?.userId === session.userId) this.#setSession(null, true);
  }

  /** `enrols` false: a factor was enrolled meanwhile, of which the answer may not know. */
  #sessionOf(userId: string, tokens: TokensAnswer, enrols = false): Session {
    return {
      userId,
      sessionId: tokens.session_id,
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      expiresAt: this.#parts.clock.now() + tokens.expires_in * 1000,
      ...(enrols && tokens.must_enrol ? { mustEnrol: true } : {}),
    };
  }

  #setSession(session: Session | null, revoked: boolean): void {
    const before = this.#session;
    this.#session = session;
    if (before?.userId !== session?.userId || before?.sessionId !== session?.sessionId) {
      this.#parts.onChange?.(session, revoked);
    }
  }

  #require(userId?: string): Session {
    if (this.#session === null) throw new NotSignedIn("sign in first");
    if (userId !== undefined && userId !== this.#session.userId) throw new NotSignedIn("somebody else is signed in now");
    return this.#session;
  }
}
