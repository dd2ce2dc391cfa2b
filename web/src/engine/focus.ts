/**
 * Which conversation is on the screen, told to the server so that nobody is pushed to about what they look at.
 *
 * It counts there for a minute and for one connection, so it is said again while it lasts and after a new connection.
 */
import type { Clock } from "./ports";
import { SecureConnectError } from "./problems";

const AGAIN_MS = 40_000;

export class FocusHint {
  readonly #clock: Clock;
  readonly #tell: (conversationId: string | null) => Promise<unknown>;
  #shown: string | null = null;
  #turn = 0;

  constructor(parts: { clock: Clock; tell: (conversationId: string | null) => Promise<unknown> }) {
    this.#clock = parts.clock;
    this.#tell = parts.tell;
  }

  /** null: this tab shows none, or nobody looks at it. */
  show(conversationId: string | null): void {
    if (conversationId === this.#shown) return;
    this.#shown = conversationId;
    void this.#say();
  }

  /** There is a new connection, which knows nothing. */
  renew(): void {
    if (this.#shown !== null) void this.#say();
  }

  stop(): void {
    this.#turn += 1;
  }

  async #say(): Promise<void> {
    const turn = (this.#turn += 1);
    do {
      try {
        await this.#tell(this.#shown);
      } catch (error) {
        // without a connection nothing counts; the next one is told
        if (!(error instanceof SecureConnectError)) throw error;
      }
      if (this.#shown === null || turn !== this.#turn) return;
      await this.#clock.sleep(AGAIN_MS);
    } while (turn === this.#turn);
  }
}
