import { expect, test } from "vitest";
import vectors from "../testing/sframe-vectors.json";
import { fromHex, hex } from "./bytes";
import { decodeHeader, deriveKey, encodeHeader, importBaseKey, openFrame, sealFrame } from "./sframe";

const { base_key, sframe_salt, metadata, pt, ct, ...numbers } = vectors.frame;
const [kid, ctr] = [BigInt(numbers.kid), BigInt(numbers.ctr)];
const key = async () => deriveKey(await importBaseKey(fromHex(base_key)), kid);

test("headers are those of the RFC's vectors, and are read back", () => {
  expect(vectors.headers).toHaveLength(289);
  for (const [kid, ctr, encoded] of vectors.headers as [string, string, string][]) {
    expect(hex(encodeHeader(BigInt(kid), BigInt(ctr)))).toBe(encoded);
    const header = { kid: BigInt(kid), ctr: BigInt(ctr), length: encoded.length / 2 };
    expect(decodeHeader(fromHex(`${encoded}ffff`))).toEqual(header);
    expect(decodeHeader(fromHex(encoded.slice(0, -2)))).toBeNull();
  }
});

test("a frame is encrypted and decrypted as in the RFC's vector", async () => {
  expect(hex((await key()).salt)).toBe(sframe_salt);
  expect(hex(await sealFrame(await key(), kid, ctr, fromHex(metadata), fromHex(pt)))).toBe(ct);
  const header = decodeHeader(fromHex(ct))!;
  expect(header).toMatchObject({ kid, ctr });
  expect(hex(await openFrame(await key(), header, fromHex(metadata), fromHex(ct)))).toBe(pt);
});

test("a frame that was changed in any byte, or has other metadata, is refused", async () => {
  const frame = fromHex(ct);
  const header = decodeHeader(frame)!;
  for (let n = 0; n < frame.length; n += 1) {
    const changed = frame.map((each, at) => (at === n ? each ^ 1 : each));
    await expect(openFrame(await key(), header, fromHex(metadata), changed)).rejects.toThrow();
  }
  await expect(openFrame(await key(), header, fromHex("00"), frame)).rejects.toThrow();
});
