/**
 * Tells the server which conversation is on screen, so that no pushes are sent about it.
 *
 * The server keeps it for a minute and per connection, so it is sent repeatedly, and again after a reconnect.
 */
import type { Clock } from "../ports";
import { SecureConnectError } from "../service/problems";

const REPEAT_MS = 40_000;

export class FocusHint {
  readonly #clock: Clock;
  readonly #tell: (conversationId: string | null) => Promise<unknown>;
  #shown: string | null = null;
  #generation = 0;

  constructor(parts: { clock: Clock; tell: (conversationId: string | null) => Promise<unknown> }) {
    this.#clock = parts.clock;
    this.#tell = parts.tell;
  }

  /** null: this tab shows no conversation, or the tab is hidden. */
  show(conversationId: string | null): void {
    if (conversationId === this.#shown) return;
    this.#shown = conversationId;
    void this.#send();
  }

  /** There is a new connection: sends the focus again. */
  renew(): void {
    if (this.#shown !== null) void this.#send();
  }

  stop(): void {
    this.#generation += 1;
  }

  async #send(): Promise<void> {
    const generation = (this.#generation += 1);
    do {
      try {
        await this.#tell(this.#shown);
      } catch (error) {
        // without a connection no focus counts; it is sent with the next one
        if (!(error instanceof SecureConnectError)) throw error;
      }
      if (this.#shown === null || generation !== this.#generation) return;
      await this.#clock.sleep(REPEAT_MS);
    } while (generation === this.#generation);
  }
}
