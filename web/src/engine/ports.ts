/** What the engine needs of the world around it. `browser.ts` has the real ones, tests bring their own. */

export interface Clock {
  /** Epoch milliseconds by this machine's clock. */
  now(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason once that aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** An open socket of text frames. */
export interface Wire {
  /** Throws ConnectionLost once it is closed. */
  send(text: string): void;
  close(): void;
}

export interface WireEvents {
  onText(text: string): void;
  onClose(): void;
}

/** Opens a socket; rejects with ConnectionLost. `onClose` comes once, however it ends. */
export type Dial = (url: string, events: WireEvents) => Promise<Wire>;

/** Web Locks: one holder per name over all tabs; the lock is let go when `run` settles or the tab dies. */
export interface Locks {
  hold<T>(name: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T>;
}

/** BroadcastChannel: what one tab posts every other one gets, in order. */
export interface Channel {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  close(): void;
}

/** Sends bytes to the storage, and says how many have gone. Resolves with the answer's status; rejects when none came. */
export type SendBytes = (
  method: "POST" | "PUT",
  url: string,
  body: Blob | FormData,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
) => Promise<number>;

/**
 * A few texts that have to outlive a page which ends this very moment: written before the call returns, which
 * IndexedDB cannot do. Removed as soon as the store has them.
 */
export interface Journal {
  write(key: string, text: string): void;
  remove(key: string): void;
  /** By key, those whose keys begin like this. */
  entries(prefix: string): ReadonlyMap<string, string>;
}

export interface Ports {
  journal?: Journal | undefined;
  fetch: typeof fetch;
  dial: Dial;
  sendBytes: SendBytes;
  clock: Clock;
  locks: Locks;
  channel: (name: string) => Channel;
  /** Uniform in [0, 1). */
  random: () => number;
  /** A new id of 1–64 URL-safe characters. */
  uuid: () => string;
}
