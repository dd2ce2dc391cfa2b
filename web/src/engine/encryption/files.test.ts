import { expect, test } from "vitest";
import { base64, bytesOf, equal } from "./bytes";
import { CannotDecrypt } from "./errors";
import { type SealedFile, openFile, sealFile } from "./files";

const CHUNK = 2 ** 20;
const SEALED_CHUNK = CHUNK + 16;
/** Every part of it differs from every other. */
function file(size: number): File {
  const numbers = new Uint32Array(Math.ceil(size / 4));
  for (let n = 0; n < numbers.length; n++) numbers[n] = n;
  return new File([new Uint8Array(numbers.buffer, 0, size)], "data", { type: "text/plain" });
}
const bytes = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

async function sealed(size: number): Promise<{ blob: Blob; about: SealedFile }> {
  const { blob, secret } = await sealFile(file(size));
  return { blob, about: { ...secret, id: "fil_1" } };
}

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])("a file of %d bytes comes back from its chunks", async (size) => {
  const { blob, about } = await sealed(size);
  const opened = await openFile(blob, about);
  expect(blob.size).toBe(size + 16 * Math.max(1, Math.ceil(size / CHUNK)));
  expect([about.size, opened.type]).toEqual([size, "text/plain"]);
  expect(equal(await bytes(opened), await bytes(file(size)))).toBe(true);
});

test.each<[string, (it: Blob) => Promise<Blob> | Blob]>([
  ["changed", async (it) => new Blob([(await bytes(it)).map((each, n) => (n === 3 ? each ^ 1 : each))])],
  ["cut between chunks", (it) => it.slice(0, SEALED_CHUNK)],
  ["cut", (it) => it.slice(0, -1)],
  ["emptied", () => new Blob([])],
  ["lengthened", (it) => new Blob([it, it.slice(-17)])],
  ["its chunks exchanged", (it) => new Blob([it.slice(SEALED_CHUNK, 2 * SEALED_CHUNK), it.slice(0, SEALED_CHUNK), it.slice(2 * SEALED_CHUNK)])],
  ["a chunk left out", (it) => it.slice(SEALED_CHUNK)],
])("a file that was changed on the way is not opened: %s", async (_, attack) => {
  const { blob, about } = await sealed(2 * CHUNK + 1);
  await expect(openFile(await attack(blob), about)).rejects.toThrow(CannotDecrypt);
});

test("a description that fits no file is refused", async () => {
  const { blob, about } = await sealed(8);
  for (const wrong of [{ nonce: "AAAA" }, { key: "AAAA" }, { nonce: "?" }]) await expect(openFile(blob, { ...about, ...wrong })).rejects.toThrow(CannotDecrypt);
});

test("a file of before that is one piece is opened", async () => {
  const [raw, iv] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2)];
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const whole = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bytesOf("SecureConnect file 1") }, key, bytesOf("one, two"));
  const about = { id: "fil_1", name: "a", content_type: "text/plain", size: 8, key: base64(raw), nonce: base64(iv) };
  expect(await (await openFile(new Blob([whole]), about)).text()).toBe("one, two");
});

test("the encryption tells how far it is, and ends when it is no longer wanted", async () => {
  const [told, stop] = [[] as number[], new AbortController()];
  await sealFile(file(CHUNK + 5), { onProgress: (done) => told.push(done) });
  expect(told).toEqual([CHUNK, CHUNK + 5]);
  const ended = sealFile(file(3 * CHUNK), { signal: stop.signal, onProgress: () => stop.abort(new Error("not wanted")) });
  await expect(ended).rejects.toThrow("not wanted");
});

test("a file of more than 1 GB is refused before anything is read of it", async () => {
  await expect(sealFile({ size: 2 ** 30 + 1 } as File)).rejects.toMatchObject({ code: "file_too_large", transient: false });
});
