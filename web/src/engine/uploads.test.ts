import { expect, test } from "vitest";
import type { Api } from "./api";
import type { UploadParts } from "./uploads";
import { UploadManager } from "./uploads";
import { MemoryStore } from "./store";

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
