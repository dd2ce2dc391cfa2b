/**
 * Uploads that survive a reload: created at the service, sent to the storage in parts, four at a time, and followed
 * until the service has scanned the file.
 *
 * Their state is in the store, for small files with the bytes; for large files `resume` needs the file again.
 */
import type { Answer, DriveFile, Event, UploadFields } from "../service/api";
import type { Locks } from "../ports";
import { ApiError, UploadCancelled, UploadRejected } from "../service/problems";
import { sha256Hex } from "./sha256";
import type { Store } from "../storage/store";
import { Value } from "../subscribable";
import type { UploadState, Uploads } from "../types";
import { type TransferParts, UploadTransfer } from "./upload-transfer";

/** The type of plain bytes, which the service takes of any file. */
const ANY_TYPE = "application/octet-stream";
const SCAN_POLL_MS = 1_500;
/** Files up to this size are kept in IndexedDB while they are uploaded. */
const MAX_KEPT_BYTES = 64 * 2 ** 20;
const PREFIX = "upload:";
const PROGRESS_TIMEOUT_MS = 20_000;

type UploadBegun = Answer<"post", "/drive/uploads">;

/** The stored form of an upload. */
interface Remembered {
  readonly fields: UploadFields;
  /** As shown; the service gets another one of an encrypted file. */
  readonly name?: string;
  readonly blob: Blob | null;
  /** The file's id, once the upload was created at the service. */
  readonly fileId?: string;
  /** Cancelled by the person; kept until the service has confirmed that it ended the upload. */
  readonly cancelled?: boolean;
}

export interface UploadParts extends TransferParts {
  account: string;
  store: Store;
  locks: Locks;
  uuid: () => string;
}

export class UploadManager implements Uploads {
  readonly #parts: UploadParts;
  readonly #transfer: UploadTransfer;
  readonly #stops = new Map<string, AbortController>();
  /** File ids at the service, by client_id, including those of uploads from before a reload. */
  readonly #fileIds = new Map<string, string>();
  /** Requests that begin an upload, by client_id: `cancel` waits for them, as they may reserve quota. */
  readonly #beginning = new Map<string, Promise<UploadBegun>>();
  /** Ends this tab's hold of an upload, by client_id. */
  readonly #releases = new Map<string, () => void>();
  readonly #over = new AbortController();
  readonly #scanListeners = new Map<string, (file: DriveFile) => void>();
  readonly items = new Value<readonly UploadState[]>([]);

  constructor(parts: UploadParts) {
    this.#parts = parts;
    this.#transfer = new UploadTransfer(parts);
  }

  /** Continues uploads that were started before a reload, and the cancellation of those that the service has not confirmed. */
  async restore(): Promise<void> {
    const remembered = await this.#parts.store.loadValues<Remembered>(this.#parts.account, PREFIX);
    for (const { fields } of remembered.values()) void this.#takeOver(fields.client_id);
  }

  /** Continues an upload once no other tab has it, unless that tab brought it to its end. */
  async #takeOver(id: string): Promise<void> {
    if (!(await this.#own(id))) return;
    const remembered = await this.#remembered(id);
    if (!remembered) return this.#releases.get(id)?.();
    const { fields, name, blob, fileId, cancelled } = remembered;
    this.#put(fields, { name: name ?? fields.name, state: "waiting_for_file" });
    if (fileId) this.#fileIds.set(id, fileId);
    // an error shows in the list of uploads; the caller who started the upload is gone
    if (cancelled) this.cancel(id).catch(() => undefined);
    else if (blob) this.#cancellable(id, (signal) => this.#upload(fields, blob, signal)).catch(() => undefined);
    else if (fileId) void this.#showUploaded(fields, fileId);
  }

  /** True once this tab alone has the upload, until `#forget` or the tab's end; false after `stop`. */
  #own(id: string): Promise<boolean> {
    if (this.#releases.has(id)) return Promise.resolve(true);
    return new Promise((owned) => {
      const held = () =>
        new Promise<void>((resolve) => {
          this.#releases.set(id, () => (this.#releases.delete(id), resolve()));
          owned(true);
        });
      this.#parts.locks.hold(`secureconnect:upload:${id}`, this.#over.signal, held).catch(() => owned(false)); // stopped
    });
  }

  /** Leaves the uploads to other tabs. */
  stop(): void {
    this.#over.abort();
    for (const release of this.#releases.values()) release();
  }

  /** Shows how much had been uploaded before the reload, while the upload waits for its file. */
  async #showUploaded({ client_id: id }: UploadFields, file_id: string): Promise<void> {
    try {
      const { uploaded } = await this.#transfer.partsOf({ file_id, client_id: id }, [], AbortSignal.timeout(PROGRESS_TIMEOUT_MS));
      const waits = this.items.get().some((each) => each.clientId === id && each.state === "waiting_for_file");
      if (waits) this.#change(id, { sentBytes: uploaded.reduce((sum, part) => sum + part.size, 0) });
    } catch {
      // shown without progress; whether the service still has the upload turns out at `resume`
    }
  }

  async start(given: Blob & { name?: string }, options: Parameters<Uploads["start"]>[1] = {}): Promise<DriveFile> {
    const { sealedBy } = options;
    const id = options.clientId ?? this.#parts.uuid();
    const name = options.name ?? given.name ?? "file";
    const fields: UploadFields = {
      client_id: id,
      name: sealedBy ? "encrypted" : name,
      size: given.size,
      content_type: (!sealedBy && given.type) || ANY_TYPE,
      sha256: "",
      conversation_id: options.conversationId ?? null,
      folder_id: options.folderId ?? null,
      replaces: options.replaces ?? null,
    };
    this.#put(fields, { name, state: "hashing" });
    return this.#cancellable(id, async (signal) => {
      let file: Blob = given;
      try {
        if (sealedBy) file = await sealedBy.sealFile(id, given, { signal, onProgress: (sentBytes) => this.#change(id, { sentBytes }) });
        fields.size = file.size;
        this.#change(id, { size: file.size, sentBytes: 0 });
        fields.sha256 = await sha256Hex(file);
      } catch (error) {
        if (!signal.aborted) this.#change(id, { state: "failed", error: asError(error) });
        throw error;
      }
      signal.throwIfAborted();
      await this.#own(id);
      await this.#remember({ fields, name, blob: file.size <= MAX_KEPT_BYTES ? file : null });
      return this.#upload(fields, file, signal);
    });
  }

  async resume(clientId: string, file: Blob): Promise<DriveFile> {
    return this.#cancellable(clientId, async (signal) => {
      const remembered = await this.#remembered(clientId);
      if (!remembered) throw new UploadCancelled("there is no such upload any more");
      if (file.size !== remembered.fields.size || (await sha256Hex(file)) !== remembered.fields.sha256) {
        const error = new UploadRejected("another_file");
        this.#change(clientId, { error });
        throw error;
      }
      return this.#upload(remembered.fields, file, signal);
    });
  }

  async cancel(clientId: string): Promise<void> {
    this.#stops.get(clientId)?.abort(new UploadCancelled("cancelled"));
    this.#change(clientId, { state: "cancelled", error: null });
    try {
      // concurrently, since a busy store may take seconds
      await Promise.all([this.#rememberCancelled(clientId), this.#endAtService(clientId)]);
      await this.#forget(clientId);
      this.dismiss(clientId);
    } catch (error) {
      this.#change(clientId, { state: "failed", error: asError(error) });
      throw error;
    }
  }

  /** Frees the quota that an upload may have reserved. */
  async #endAtService(clientId: string): Promise<void> {
    try {
      const file_id = this.#fileIds.get(clientId) ?? (await this.#findAtService(clientId));
      if (file_id) await this.#parts.api.delete("/drive/uploads/{file_id}", { path: { file_id }, query: { client_id: clientId } });
    } catch (error) {
      if (!isFinal(error)) throw error; // else the service has no such upload any more, or never had
    }
  }

  /** The id of an upload whose creation is under way or has had no answer; creating it again returns the same one. */
  async #findAtService(clientId: string): Promise<string | undefined> {
    const begun = this.#beginning.get(clientId);
    if (begun) return (await begun).file.id;
    const remembered = await this.#remembered(clientId);
    return remembered && (await this.#begin(remembered.fields)).file.id;
  }

  async #rememberCancelled(clientId: string): Promise<void> {
    const remembered = await this.#remembered(clientId);
    if (remembered) await this.#remember({ ...remembered, blob: null, cancelled: true });
  }

  dismiss(clientId: string): void {
    this.items.set(this.items.get().filter((each) => each.clientId !== clientId));
  }

  apply(event: Event): void {
    if (event.type !== "file.ready" && event.type !== "file.rejected") return;
    if (event.data) this.#scanListeners.get(event.data.id)?.(event.data);
  }

  /** Runs `work` so that `cancel` ends it, from the first moment of an upload on. */
  async #cancellable(clientId: string, work: (signal: AbortSignal) => Promise<DriveFile>): Promise<DriveFile> {
    const stop = new AbortController();
    this.#stops.set(clientId, stop);
    try {
      return await work(stop.signal);
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      this.#stops.delete(clientId);
    }
  }

  async #upload(fields: UploadFields, file: Blob, signal: AbortSignal): Promise<DriveFile> {
    const { api } = this.#parts;
    const id = fields.client_id;
    signal.throwIfAborted();
    this.#put(fields, { state: "uploading" });
    try {
      const begun = await this.#begin(fields);
      signal.throwIfAborted();
      this.#fileIds.set(id, begun.file.id);
      this.#change(id, { file: begun.file });
      const remembered = await this.#remembered(id);
      if (remembered && !signal.aborted) await this.#remember({ ...remembered, fileId: begun.file.id });
      if (begun.upload) {
        const onSent = (sentBytes: number) => this.#change(id, { sentBytes });
        if (begun.upload.kind === "post") await this.#transfer.sendWhole(begun.upload, file, onSent, signal);
        else await this.#transfer.sendParts({ file_id: begun.file.id, client_id: id }, begun.upload, file, onSent, signal);
      }
      signal.throwIfAborted();
      const path = { file_id: begun.file.id };
      if (begun.upload) await api.post("/drive/uploads/{file_id}/complete", { path, body: { client_id: id }, retry: true });
      await this.#forget(id);
      this.#change(id, { state: "processing", sentBytes: fields.size });
      const settled = await this.#whenScanned(begun.file.id, signal);
      this.#fileIds.delete(id); // nothing is left to cancel
      if (settled.state === "rejected") throw new UploadRejected(settled.reject_reason ?? "rejected");
      this.#change(id, { state: "ready", file: settled });
      return settled;
    } catch (error) {
      if (!signal.aborted) {
        if (error instanceof ApiError && !error.transient) await this.#forget(id);
        this.#change(id, { state: "failed", error: asError(error) });
      }
      throw error;
    }
  }

  /** Begins an upload, once for all who ask at the same time. */
  #begin(fields: UploadFields): Promise<UploadBegun> {
    const id = fields.client_id;
    let begun = this.#beginning.get(id);
    if (!begun) {
      begun = this.#create(fields).finally(() => this.#beginning.delete(id));
      this.#beginning.set(id, begun);
    }
    return begun;
  }

  /** Types off the service's list, such as those of source code, are declared as plain bytes instead. */
  async #create(fields: UploadFields): Promise<UploadBegun> {
    const { api } = this.#parts;
    try {
      return await api.post("/drive/uploads", { body: fields });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "unsupported_media_type" || fields.content_type === ANY_TYPE) throw error;
      fields.content_type = ANY_TYPE;
      return api.post("/drive/uploads", { body: fields });
    }
  }

  /** The file once it is ready or rejected: waits for its event and polls as well. */
  async #whenScanned(fileId: string, signal: AbortSignal): Promise<DriveFile> {
    const { api, clock } = this.#parts;
    let told: DriveFile | null = null;
    this.#scanListeners.set(fileId, (file) => (told = file));
    try {
      for (;;) {
        const file: DriveFile = told ?? (await api.get("/drive/files/{file_id}", { path: { file_id: fileId }, signal }));
        if (file.state === "ready" || file.state === "rejected") return file;
        for (let waited = 0; waited < SCAN_POLL_MS && !told; waited += 100) await clock.sleep(100, signal);
      }
    } finally {
      this.#scanListeners.delete(fileId);
    }
  }

  #remembered(clientId: string): Promise<Remembered | undefined> {
    return this.#parts.store.loadValue<Remembered>(this.#parts.account, PREFIX + clientId);
  }

  async #remember(what: Remembered): Promise<void> {
    await this.#parts.store.saveValue(this.#parts.account, PREFIX + what.fields.client_id, what);
  }

  async #forget(clientId: string): Promise<void> {
    await this.#parts.store.saveValue(this.#parts.account, PREFIX + clientId, undefined);
    this.#releases.get(clientId)?.();
  }

  #put(fields: UploadFields, change: Partial<UploadState>): void {
    const known = this.items.get().find((each) => each.clientId === fields.client_id);
    const item: UploadState = {
      clientId: fields.client_id,
      name: fields.name,
      size: fields.size,
      contentType: fields.content_type,
      conversationId: fields.conversation_id ?? null,
      folderId: fields.folder_id ?? null,
      state: "uploading",
      sentBytes: 0,
      file: null,
      error: null,
      ...change,
    };
    if (known) this.#change(fields.client_id, { error: null, ...change });
    else this.items.set([...this.items.get(), item]);
  }

  #change(clientId: string, change: Partial<UploadState>): void {
    this.items.set(this.items.get().map((each) => (each.clientId === clientId ? { ...each, ...change } : each)));
  }
}

/** Whether the service has answered, and would answer the same again: it has no such upload, or it has ended. */
const isFinal = (error: unknown): boolean => error instanceof ApiError && !error.transient && error.status !== 401 && error.code !== "conflict";

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
