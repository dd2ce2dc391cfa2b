/**
 * One socket from its opening to its end: frames in, requests with correlation ids out.
 *
 * It never reconnects and never looks at what an event means; that is `live`'s business.
 */
import type { Clock, Dial, Wire } from "./ports";
import { ApiError, ConnectionLost, FrameRefused } from "./problems";

/** What may be sent in one frame. */
const MAX_FRAME_BYTES = 32 * 1024;

export type Frame = Readonly<Record<string, unknown>>;

/** The request does not fit into a frame; another way is needed. */
export class FrameTooLarge extends ConnectionLost {
  override name = "FrameTooLarge";
}

interface Waiting {
  resolve(data: unknown): void;
  reject(error: Error): void;
}

export class Connection {
  readonly #clock: Clock;
  readonly #onFrame: (connection: Connection, frame: Frame) => void;
  readonly #waiting = new Map<string, Waiting>();
  readonly #closed = new AbortController();
  #wire!: Wire;
  #lastId = 0;
  #framesHeard = 0;
  /** Another connection has taken over. */
  retiring = false;

  private constructor(clock: Clock, onFrame: (connection: Connection, frame: Frame) => void) {
    this.#clock = clock;
    this.#onFrame = onFrame;
  }

  /** Frames that answer no request go to `onFrame`. Throws ConnectionLost. */
  static async open(
    dial: Dial,
    url: string,
    clock: Clock,
    onFrame: (connection: Connection, frame: Frame) => void,
  ): Promise<Connection> {
    const connection = new Connection(clock, onFrame);
    connection.#wire = await dial(url, {
      onText: (text) => connection.#handle(text),
      onClose: () => connection.#end(),
    });
    return connection;
  }

  /** Aborts when the socket has closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Sends a frame and waits for its acknowledgement's data. Throws ApiError for an error frame, and ConnectionLost
   * when no answer came: it may have been done.
   */
  async request(action: string, fields: Frame, timeoutMs: number): Promise<unknown> {
    const id = String((this.#lastId += 1));
    const text = JSON.stringify({ ...fields, action, id });
    if (new TextEncoder().encode(text).length > MAX_FRAME_BYTES) throw new FrameTooLarge("larger than 32 KB");
    if (this.closed.aborted) throw new ConnectionLost("the socket is closed");
    const heard = this.#framesHeard;
    const over = new AbortController();
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#clock.sleep(timeoutMs, over.signal).then(
        () => {
          if (this.#framesHeard === heard) this.abort(); // nothing at all came: it is dead and does not know it
          reject(new ConnectionLost(`no acknowledgement of ${action} within ${timeoutMs} ms`));
        },
        () => undefined,
      );
    });
    try {
      this.#wire.send(text);
      return await answer;
    } finally {
      this.#waiting.delete(id);
      over.abort();
    }
  }

  /** Another connection has taken over: lets requests under way finish, then closes. */
  async retire(graceMs: number): Promise<void> {
    this.retiring = true;
    const until = this.#clock.now() + graceMs;
    while (this.#waiting.size > 0 && this.#clock.now() < until && !this.closed.aborted) await this.#clock.sleep(50);
    this.abort();
  }

  abort(): void {
    this.#wire.close();
    this.#end();
  }

  #handle(text: string): void {
    if (this.closed.aborted) return;
    this.#framesHeard += 1;
    let frame: unknown;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // not one of ours
    }
    if (!isFrame(frame)) return;
    if (frame.type === "batch") {
      for (const each of Array.isArray(frame.events) ? frame.events : []) if (isFrame(each)) this.#onFrame(this, each);
    } else if (frame.type === "ack") {
      this.#waiting.get(String(frame.id))?.resolve(frame.data);
    } else if (frame.type === "error") {
      this.#waiting.get(String(frame.id))?.reject(new ApiError(isFrame(frame.problem) ? { ...frame.problem } : {}));
    } else if (frame.type === undefined && frame.connectionId !== undefined) {
      this.#refused();
    } else {
      this.#onFrame(this, frame);
    }
  }

  /**
   * The gateway could not have a frame handled: too many at once, or the function was throttled or failed. It does not
   * say which frame, so none of those under way is known to be done; each goes on over HTTP.
   */
  #refused(): void {
    for (const each of this.#waiting.values()) each.reject(new FrameRefused("the gateway could not have the frame handled"));
  }

  #end(): void {
    if (this.closed.aborted) return;
    this.#closed.abort(new ConnectionLost("the socket has closed"));
    for (const each of this.#waiting.values()) each.reject(new ConnectionLost("the socket closed before the acknowledgement"));
  }
}

function isFrame(value: unknown): value is Frame {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
