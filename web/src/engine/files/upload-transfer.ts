/** Sends the bytes of uploads to the storage, as a form or in parts, four at a time. Knows nothing of their state. */
import { Limit } from "../alarm";
import type { Api, UploadInstructions, UploadedParts } from "../service/api";
import { type Backoff, backoffDelay } from "../live/backoff";
import type { Clock, SendBytes } from "../ports";
import { TransportFailed } from "../service/problems";

const PARALLEL_PARTS = 4;
const PART_TRIES = 6;
const PART_BACKOFF: Backoff = { baseMs: 500, capMs: 15_000 };

export interface TransferParts {
  api: Api;
  clock: Clock;
  random: () => number;
  sendBytes: SendBytes;
}

export class UploadTransfer {
  readonly #parts: TransferParts;
  readonly #limit = new Limit(PARALLEL_PARTS);

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** Sends a file by a form. `onSent` gets the bytes sent so far, as for `sendParts`. */
  async sendWhole(how: UploadInstructions, file: Blob, onSent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
    const form = new FormData();
    for (const [name, value] of Object.entries(how.fields ?? {})) form.append(name, String(value));
    form.append("file", file);
    await this.#withRetries(signal, () =>
      this.#send("POST", how.url ?? "", form, (sent) => onSent(Math.min(sent, file.size)), signal),
    );
  }

  /** Sends the parts that the storage does not have yet. */
  async sendParts(
    upload: { file_id: string; client_id: string },
    how: UploadInstructions,
    file: Blob,
    onSent: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const each = how.part_size ?? file.size;
    const sizes = new Map<number, number>();
    for (let n = 1; n <= (how.part_count ?? 0); n += 1) sizes.set(n, Math.min(each, file.size - (n - 1) * each));
    const { uploaded } = await this.partsOf(upload, [], signal);
    const there = new Map(uploaded.filter((part) => sizes.get(part.number) === part.size).map((part) => [part.number, part.size]));
    const show = () => onSent([...there.values()].reduce((sum, size) => sum + size, 0));
    show();
    const missing = [...sizes.keys()].filter((number) => !there.has(number));
    await Promise.all(
      missing.map((number) =>
        this.#limit.run(() =>
          this.#withRetries(signal, async () => {
            const url = (await this.partsOf(upload, [number], signal)).parts[0]?.url ?? "";
            const piece = file.slice((number - 1) * each, (number - 1) * each + (sizes.get(number) ?? 0));
            await this.#send("PUT", url, piece, (sent) => (there.set(number, sent), show()), signal);
            there.set(number, piece.size);
            show();
          }),
        ),
      ),
    );
  }

  /** The URLs of these parts, and the parts that have arrived. */
  async partsOf(
    { file_id, client_id }: { file_id: string; client_id: string },
    numbers: number[],
    signal: AbortSignal,
  ): Promise<UploadedParts> {
    const body = { client_id, part_numbers: numbers };
    return this.#parts.api.post("/drive/uploads/{file_id}/parts", { path: { file_id }, body, retry: true, signal });
  }

  async #send(
    method: "POST" | "PUT",
    url: string,
    body: Blob | FormData,
    onProgress: (sent: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const status = await this.#parts.sendBytes(method, url, body, onProgress, signal);
    if (status < 200 || status > 299) throw new TransportFailed(`the storage answers ${status}`);
  }

  /** Repeats `work` after network failures; each attempt sends its part from the beginning. */
  async #withRetries(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock, random } = this.#parts;
    for (let attempt = 0; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TransportFailed) || attempt + 1 >= PART_TRIES) throw error;
        await clock.sleep(backoffDelay(PART_BACKOFF, attempt, random), signal);
      }
    }
  }
}
