import { expect, test } from "vitest";
import { openBackup, sealBackup } from "./backup";
import { fromBase64 } from "./bytes";
import { CannotDecrypt } from "./errors";
import type { DecryptedMessage } from "./shelf";

const decrypted = (n: number, text: string): DecryptedMessage => ({ conversationId: "cnv_1", messageId: `msg_${n}`, seq: n, senderId: "usr_1", deviceId: "phone", text, files: [], expiresAt: null });

/** A backup made by the Python client, with weaker Argon2 parameters than usual to be fast. */
const BY_PYTHON = {"version": 1, "salt": "Eq44G+3ZhM3haul6fAMSWQ==", "params": {"kdf": "argon2id", "memory_kib": 64, "passes": 1, "lanes": 1, "nonce": "NKNpAOyz1H5TeND3"}, "ciphertext": "5I8gv1STkiPj9yAmfJYalhT3Xl61bVZx0tiO41bmhVsrUyfNq3ntjxTplNE2Rcw4YnuvqCBL3rdbFt6m8Fwjr2jwOOX2/ZA8AHb5T+5OWKMpQcwNdVvTs4PAhIrcgRT/YKE5voRPiyhHTm9J7ayccOYCqBXBa9+FW+md/GJKueVVF70h47I="};

test("a backup opens only with its passphrase", async () => {
  const document = await sealBackup([decrypted(2, "two"), decrypted(1, "one")], "correct horse");
  expect(await openBackup(document, "correct horse")).toEqual([decrypted(2, "two"), decrypted(1, "one")]);
  await expect(openBackup(document, "wrong horse")).rejects.toThrow(CannotDecrypt);
  await expect(openBackup({ ...document, version: 2 }, "correct horse")).rejects.toThrow("another version");
});

test("a backup of the Python client opens with the passphrase in any Unicode normal form", async () => {
  expect(await openBackup(BY_PYTHON as never, "pässphrase one".normalize("NFD"))).toEqual([decrypted(5, "héllo")].map((each) => ({ ...each, messageId: "msg_2" })));
});

test("if there are too many messages, the newest are kept", async () => {
  const noise = () => Array.from(crypto.getRandomValues(new Uint8Array(30_000)), (each) => each.toString(16)).join("");
  const document = await sealBackup(Array.from({ length: 60 }, (_, n) => decrypted(60 - n, noise())), "correct horse");
  expect(fromBase64(document.ciphertext).length).toBeLessThanOrEqual(1_000_000);
  const kept = await openBackup(document, "correct horse");
  expect(kept[0]?.seq).toBe(60);
  expect(kept.length).toBeLessThan(60);
});

test("parameters that need too much memory are refused", async () => {
  const greedy = { ...BY_PYTHON, params: { ...BY_PYTHON.params, memory_kib: 4_000_000 } };
  await expect(openBackup(greedy as never, "pässphrase one")).rejects.toThrow("more work");
});
