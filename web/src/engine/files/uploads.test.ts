import { expect, test } from "vitest";
import type { Api } from "../service/api";
import { ApiError, TransportFailed } from "../service/problems";
import type { UploadParts } from "./uploads";
import { UploadManager } from "./uploads";
import { MemoryStore } from "../storage/store";
import { localTabs } from "../testing/local-tabs";
import type { Sealing } from "../types";
import { until } from "../testing/until";

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
  const uploads = new UploadManager({ account: "me", api, store, locks: localTabs().locks } as unknown as UploadParts);
  await uploads.restore();
  await until(() => expect(uploads.items.get()).toMatchObject([{ clientId: "one", state: "waiting_for_file" }]));

  store.busy = true;
  void uploads.cancel("one");

  expect(deleted).toEqual([{ file_id: "fil_1" }]);
  expect(uploads.items.get()).toMatchObject([{ state: "cancelled" }]);
});

/** Uploads to a service that does not answer; `went` are the requests that it got. */
function sending(store = new MemoryStore(), { locks } = localTabs()) {
  const went: { body: unknown }[] = [];
  const api = { post: (_route: string, request: { body: unknown }) => new Promise(() => void went.push(request)), delete: async () => undefined } as unknown as Api;
  const uploads = new UploadManager({ account: "me", api, store, locks, uuid: () => "one" } as unknown as UploadParts);
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

/** A service that begins uploads when `begin` is called, and ends them unless it is `down`; `did` is what it did, in order. */
function service() {
  const did: string[] = [];
  let begin = () => undefined as void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const state = { did, down: false, begin, post, delete: end };
  async function post(_route: string, { body, signal }: { body: { client_id: string }; signal?: AbortSignal }) {
    if (state.down) throw new TransportFailed("no answer");
    await begun;
    did.push(`reserve ${body.client_id}`);
    signal?.throwIfAborted();
    return { file: { id: "fil_1" }, upload: { kind: "multipart", part_size: 4, part_count: 2 } };
  }
  async function end(_route: string, { path }: { path: { file_id: string } }) {
    if (state.down) throw new TransportFailed("no answer");
    did.push(`free ${path.file_id}`);
  }
  return state;
}
const managerOf = (api: object, store = new MemoryStore()) =>
  new UploadManager({ account: "me", api, store, locks: localTabs().locks, uuid: () => "one" } as unknown as UploadParts);

test("an upload that is cancelled while the service begins it is ended there, once it has begun", async () => {
  const api = service();
  const uploads = managerOf(api);
  const started = uploads.start(new File(["one, two"], "notes.txt"));
  await until(() => expect(uploads.items.get()).toMatchObject([{ state: "uploading" }]));
  const cancelled = uploads.cancel("one");
  api.begin();

  await expect(started).rejects.toThrow("cancelled");
  await cancelled;
  expect([api.did, uploads.items.get()]).toEqual([["reserve one", "free fil_1"], []]);
});

test("an upload that could not be cancelled is shown with the error, and is cancelled by the next attempt", async () => {
  const [api, store] = [service(), new MemoryStore()];
  const fields = { client_id: "one", name: "film.bin", size: 7 };
  await store.saveValue("me", "upload:one", { fields, blob: null, fileId: "fil_1" });
  const uploads = managerOf(Object.assign(api, { post: () => new Promise(() => undefined) }), store);
  await uploads.restore();
  await until(() => expect(uploads.items.get()).toHaveLength(1));
  api.down = true;
  await expect(uploads.cancel("one")).rejects.toThrow("no answer");
  expect(uploads.items.get()).toMatchObject([{ clientId: "one", name: "film.bin", state: "failed", error: { message: "no answer" } }]);

  api.down = false;
  await uploads.cancel("one");
  expect([api.did, uploads.items.get()]).toEqual([["free fil_1"], []]);
  expect(await store.loadValue("me", "upload:one")).toBeUndefined();
});

test.each([[{ fileId: "fil_1" }, ["free fil_1"]], [{}, ["reserve one", "free fil_1"]]])(
  "a cancellation that the page did not bring to its end goes on after a reload, also if the id was not known: %o",
  async (known, expected) => {
    const [api, store] = [service(), new MemoryStore()];
    const blob = new Blob(["one, two"]);
    await store.saveValue("me", "upload:one", { fields: { client_id: "one", name: "notes.txt", size: 8 }, blob, ...known });
    const before = managerOf(Object.assign(service(), { down: true }), store);
    await before.restore();
    await until(() => expect(before.items.get()).toHaveLength(1));
    await expect(before.cancel("one")).rejects.toThrow("no answer");

    api.begin();
    const uploads = managerOf(api, store);
    await uploads.restore();
    await until(() => expect([api.did, uploads.items.get()]).toEqual([expected, []]));
  },
);

test("an upload that the service ended by itself is off the list once it is cancelled", async () => {
  const store = new MemoryStore();
  await store.saveValue("me", "upload:one", { fields: { client_id: "one", name: "film.bin", size: 7 }, blob: null, fileId: "fil_1" });
  const gone = new ApiError({ status: 404, code: "not_found" });
  const uploads = managerOf({ post: () => Promise.reject(gone), delete: () => Promise.reject(gone) }, store);
  await uploads.restore();
  await until(() => expect(uploads.items.get()).toHaveLength(1));
  await uploads.cancel("one");
  expect(uploads.items.get()).toEqual([]);
});

test("an upload of another tab is neither shown nor sent by this one, and goes on here when that tab ends", async () => {
  const [store, machine] = [new MemoryStore(), localTabs()];
  const [here, there] = [sending(store, machine), sending(store, machine)];
  void there.uploads.start(new File(["one, two"], "notes.txt"));
  await until(() => expect(there.went).toHaveLength(1));
  await here.uploads.restore();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([here.went, here.uploads.items.get()]).toEqual([[], []]);

  there.uploads.stop();
  await until(() => expect(here.went).toMatchObject([{ body: { name: "notes.txt" } }]));
  expect(here.uploads.items.get()).toMatchObject([{ clientId: "one", state: "uploading" }]);
});

test("an upload that another tab brought to its end does not appear here", async () => {
  const [store, machine] = [new MemoryStore(), localTabs()];
  const [here, there] = [sending(store, machine), sending(store, machine)];
  void there.uploads.start(new File(["one, two"], "notes.txt")).catch(() => undefined);
  await until(() => expect(there.went).toHaveLength(1));
  await here.uploads.restore();
  await store.saveValue("me", "upload:one", undefined);
  there.uploads.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([here.went, here.uploads.items.get()]).toEqual([[], []]);
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
  expect([went, uploads.items.get()]).toEqual([[], []]);
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
  const begin = (text: string) => new UploadManager({ account: "me", api: { post } as unknown as Api, store: new MemoryStore(), locks: localTabs().locks, uuid: () => "one" } as unknown as UploadParts).start(new File([text], "main.py", { type: "text/x-python" }));

  void begin("print(1)");
  await until(() => expect(declared).toEqual(["text/x-python", "application/octet-stream"]));
  await expect(begin("print('too long')")).rejects.toMatchObject({ code: "quota_exceeded" });
  taken.pop();
  await expect(begin("print(1)")).rejects.toMatchObject({ code: "unsupported_media_type" });
});
