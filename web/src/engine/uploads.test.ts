import { expect, test } from "vitest";
import type { Api } from "./api";
import { ApiError } from "./problems";
import type { UploadParts } from "./uploads";
import { UploadManager } from "./uploads";
import { MemoryStore } from "./store";
import type { Sealing } from "./types";
import { until } from "./testing/until";

/** A store whose reads and writes do not resolve while it is `busy`. */
class BusyStore extends MemoryStore {
  busy = false;

  override loadValue<T>(account: string, key: string): Promise<T | undefined> {
    return this.busy ? new Promise(() => undefined) : super.loadValue(account, key);
  }

  override saveValue(account: string, key: string, value: unknown): Promise<void> {
    return this.busy ? new Promise(() => undefined) : super.saveValue(account, key, value);
  }
}

test("cancelling an upload from before a reload frees its quota at once, however long the store takes", async () => {
  const store = new BusyStore();
  const fields = { client_id: "one", name: "film.bin", size: 7, sha256: "x", media_type: "", folder_id: null, conversation_id: null };
  await store.saveValue("me", "upload:one", { fields, blob: null, fileId: "fil_1" });
  const deleted: unknown[] = [];
  const api = {
    post: () => new Promise(() => undefined),
    delete: async (_route: string, { path }: { path: unknown }) => void deleted.push(path),
  } as unknown as Api;
  const uploads = new UploadManager({ account: "me", api, store } as unknown as UploadParts);
  await uploads.restore();
  expect(uploads.items.get()).toMatchObject([{ clientId: "one", state: "waiting_for_file" }]);

  store.busy = true;
  void uploads.cancel("one");

  expect(deleted).toEqual([{ file_id: "fil_1" }]);
  expect(uploads.items.get()).toMatchObject([{ state: "cancelled" }]);
});

/** Uploads to a service that does not answer; `went` are the requests that it got. */
function sending(store = new MemoryStore()) {
  const went: { body: unknown }[] = [];
  const api = { post: (_route: string, request: { body: unknown }) => new Promise(() => void went.push(request)), delete: async () => undefined } as unknown as Api;
  const uploads = new UploadManager({ account: "me", api, store, uuid: () => "one" } as unknown as UploadParts);
  return { went, uploads, store };
}

test("an upload that is cancelled while its file is hashed sends nothing and does not come back", async () => {
  const { went, uploads } = sending();
  const started = uploads.start(new File(["one, two"], "notes.txt"));
  void uploads.cancel("one");
  uploads.dismiss("one");

  await expect(started).rejects.toThrow("cancelled");
  expect([went, uploads.items.get()]).toEqual([[], []]);
});

test("an upload from before a reload that is cancelled while its file is compared sends nothing and does not come back", async () => {
  const { went, uploads } = sending();
  void uploads.start(new File(["one, two"], "notes.txt"));
  await until(() => expect(went).toHaveLength(1));
  const resumed = uploads.resume("one", new File(["one, two"], "notes.txt"));
  void uploads.cancel("one");
  uploads.dismiss("one");

  await expect(resumed).rejects.toThrow("cancelled");
  expect([went.length, uploads.items.get()]).toEqual([1, []]);
});

/** Encrypts when it is told to. */
function slowDesk() {
  let [resolve, reject] = [(_: Blob) => undefined as void, (_: Error) => undefined as void];
  const sealed = new Promise<Blob>((...both) => ([resolve, reject] = both));
  const asked: Sealing[] = [];
  const sealFile = (_id: string, _file: Blob, sealing: Sealing = {}) => (asked.push(sealing), sealed);
  return { asked, resolve, reject, sealFile };
}

test("a file that is being encrypted is an upload with its own name, size and progress, and goes without its name", async () => {
  const [{ went, uploads, store }, desk] = [sending(), slowDesk()];
  void uploads.start(new File(["one, two"], "notes.txt", { type: "text/plain" }), { conversationId: "cnv_1", sealedBy: desk });
  desk.asked[0]?.onProgress?.(5);
  expect(uploads.items.get()).toMatchObject([{ clientId: "one", name: "notes.txt", size: 8, conversationId: "cnv_1", state: "hashing", sentBytes: 5 }]);

  desk.resolve(new Blob(["longer, as it is encrypted"]));
  await until(() => expect(went).toMatchObject([{ body: { name: "encrypted", content_type: "application/octet-stream", size: 26, conversation_id: "cnv_1" } }]));
  expect(uploads.items.get()).toMatchObject([{ name: "notes.txt", size: 26, state: "uploading", sentBytes: 0 }]);

  const reloaded = sending(store);
  await reloaded.uploads.restore();
  await until(() => expect(reloaded.went).toMatchObject([{ body: { name: "encrypted" } }]));
  expect(reloaded.uploads.items.get()).toMatchObject([{ name: "notes.txt", size: 26 }]);
});

test("a file whose encryption is cancelled is not uploaded, also if the encryption comes to its end", async () => {
  const [{ went, uploads }, desk] = [sending(), slowDesk()];
  const started = uploads.start(new File(["one, two"], "notes.txt"), { sealedBy: desk });
  void uploads.cancel("one");
  expect(desk.asked[0]?.signal?.aborted).toBe(true);
  desk.resolve(new Blob(["sealed"]));

  await expect(started).rejects.toThrow("cancelled");
  expect([went, uploads.items.get()]).toMatchObject([[], [{ state: "cancelled" }]]);
});

test("a file that cannot be encrypted says so in its own row", async () => {
  const [{ uploads }, desk] = [sending(), slowDesk()];
  const started = uploads.start(new File(["one, two"], "notes.txt"), { sealedBy: desk });
  desk.reject(new Error("too large"));

  await expect(started).rejects.toThrow("too large");
  expect(uploads.items.get()).toMatchObject([{ name: "notes.txt", state: "failed", error: { message: "too large" } }]);
});

test("a file of a type that the service does not take, such as source code, goes as plain bytes; another refusal is told", async () => {
  const declared: string[] = [];
  const taken = ["application/octet-stream"];
  const post = (_route: string, { body }: { body: { content_type: string; size: number } }) => {
    declared.push(body.content_type);
    if (!taken.includes(body.content_type)) return Promise.reject(new ApiError({ status: 415, code: "unsupported_media_type" }));
    return body.size > 10 ? Promise.reject(new ApiError({ status: 413, code: "quota_exceeded" })) : new Promise(() => undefined);
  };
  const begin = (text: string) => new UploadManager({ account: "me", api: { post } as unknown as Api, store: new MemoryStore(), uuid: () => "one" } as unknown as UploadParts).start(new File([text], "main.py", { type: "text/x-python" }));

  void begin("print(1)");
  await until(() => expect(declared).toEqual(["text/x-python", "application/octet-stream"]));
  await expect(begin("print('too long')")).rejects.toMatchObject({ code: "quota_exceeded" });
  taken.pop();
  await expect(begin("print(1)")).rejects.toMatchObject({ code: "unsupported_media_type" });
});
