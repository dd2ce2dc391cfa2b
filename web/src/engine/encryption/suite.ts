/**
 * The only supported cipher suite (1: X25519, AES-128-GCM, SHA-256, Ed25519), over WebCrypto.
 *
 * The lookup of ts-mls by name would bundle the code of twenty suites, so only the parts for this one are imported.
 * The algorithms are in Node.js from 20, Chromium from 137, Firefox from 130 and Safari from 17.
 */
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import type { CiphersuiteImpl } from "ts-mls/crypto/ciphersuite.js";
import { makeHashImpl } from "ts-mls/crypto/implementation/default/makeHashImpl.js";
import { makeKdfImpl } from "ts-mls/crypto/implementation/default/makeKdfImpl.js";
import { makeGenericHpke } from "ts-mls/crypto/implementation/hpke.js";
import type { Signature } from "ts-mls/crypto/signature.js";
import { owned } from "./bytes";

const signature: Signature = {
  async sign(secretKey, message) {
    const key = await crypto.subtle.importKey("pkcs8", owned(secretKey), "Ed25519", false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("Ed25519", key, owned(message)));
  },
  async verify(publicKey, message, signed) {
    const key = await crypto.subtle.importKey("raw", owned(publicKey), "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", key, owned(signed), owned(message));
  },
  async keygen() {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    return {
      publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)),
      signKey: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    };
  },
};

async function aesGcm(use: "encrypt" | "decrypt", key: Uint8Array, iv: Uint8Array, aad: Uint8Array, data: Uint8Array) {
  const imported = await crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, [use]);
  return new Uint8Array(await crypto.subtle[use]({ name: "AES-GCM", iv: owned(iv), additionalData: owned(aad) }, imported, owned(data)));
}

async function implementation(): Promise<CiphersuiteImpl> {
  const kem = new DhkemX25519HkdfSha256();
  const aead = {
    encrypt: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array) => aesGcm("encrypt", key, nonce, aad, data),
    decrypt: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array) => aesGcm("decrypt", key, nonce, aad, data),
  };
  return {
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    hash: makeHashImpl(crypto.subtle, "SHA-256"),
    kdf: makeKdfImpl(new HkdfSha256()),
    hpke: await makeGenericHpke(
      { kem: "DHKEM-X25519-HKDF-SHA256", kdf: "HKDF-SHA256", aead: "AES128GCM" },
      aead,
      new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes128Gcm() }),
    ),
    signature,
    rng: { randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
  };
}

let suite: Promise<CiphersuiteImpl> | null = null;

export const suite1 = (): Promise<CiphersuiteImpl> => (suite ??= implementation());
