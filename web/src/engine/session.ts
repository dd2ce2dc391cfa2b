/**
 * The caller's session: which token to send, and its renewal.
 *
 * Refresh tokens rotate, and using an old one later than 30 s after its successor was made revokes the whole session.
 * Hence one refresh at a time over all tabs (a lock), the successor is stored before it is used, and the store is read
 * first inside the lock, in case another tab has already refreshed.
 */
import type { Http } from "./http";
import type { Clock, Locks } from "./ports";
import { ApiError, NotSignedIn, TransportFailed } from "./problems";
import type { Session, Store } from "./store";
import type { TokensAnswer } from "./types";

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
  /** Of the refresh lock: one per origin and server. */
  lockName: string;
  /** The session is another than before, or none; `revoked` when the server ended it. */
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

  /** Throws NotSignedIn. */
  get userId(): string {
    return this.#require().userId;
  }

  /** Reads the store: at the start, and when another tab has changed it. */
  async load(): Promise<Session | null> {
    this.#take(await this.#parts.store.loadSession(), false);
    return this.#session;
  }

  /** Takes up the session of a sign-in answer. */
  async begin(answer: SignedIn): Promise<Session> {
    const session = this.#sessionOf(answer.user.id, answer.tokens);
    await this.#parts.store.saveSession(session);
    this.#take(session, false);
    return session;
  }

  /** Forgets the session on this device; the server is not told. `revoked`: it was the server's doing. */
  async end({ revoked = false } = {}): Promise<void> {
    await this.#parts.store.saveSession(null);
    this.#take(null, revoked);
  }

  /** This person's access token, with some life left. Throws NotSignedIn, ApiError, TransportFailed. */
  async token(userId: string): Promise<string> {
    const session = this.#require(userId);
    if (session.expiresAt - this.#parts.clock.now() > REFRESH_AHEAD_MS) return session.accessToken;
    try {
      return await this.renew(session.accessToken, userId);
    } catch (error) {
      // Still good for a moment: a hiccup of the refresh route need not show.
      const passing = error instanceof TransportFailed || (error instanceof ApiError && error.transient);
      if (passing && session.expiresAt > this.#parts.clock.now()) return session.accessToken;
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
    const kept = await store.loadSession();
    if (kept === null || kept.userId !== session.userId) {
      this.#take(kept, false);
      throw new NotSignedIn("signed out in another tab");
    }
    if (kept.accessToken !== session.accessToken) {
      this.#take(kept, false);
      if (kept.expiresAt > clock.now()) return kept;
    }
    let answer: unknown;
    try {
      // Repeating it is safe: for 30 s the same token is answered with the same successor.
      answer = await http.exchange("POST", {
        path: "/auth/refresh",
        body: { refresh_token: kept.refreshToken },
        retry: true,
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) await this.#forget(kept);
      throw error;
    }
    const fresh = this.#sessionOf(kept.userId, (answer as { tokens: TokensAnswer }).tokens);
    if ((await store.loadSession())?.userId !== kept.userId) throw new NotSignedIn("signed out meanwhile");
    await store.saveSession(fresh);
    if (this.#session !== null) this.#take(fresh, false);
    return fresh;
  }

  async #forget(session: Session): Promise<void> {
    const kept = await this.#parts.store.loadSession();
    if (kept?.refreshToken === session.refreshToken) await this.#parts.store.saveSession(null);
    if (this.#session?.userId === session.userId) this.#take(null, true);
  }

  #sessionOf(userId: string, tokens: TokensAnswer): Session {
    return {
      userId,
      sessionId: tokens.session_id,
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      expiresAt: this.#parts.clock.now() + tokens.expires_in * 1000,
    };
  }

  #take(session: Session | null, revoked: boolean): void {
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
