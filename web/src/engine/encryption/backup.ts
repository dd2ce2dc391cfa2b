/**
 * Backup format 1: a device's decrypted messages, encrypted with a passphrase for the person's next device. The key is
 * derived by Argon2id (RFC 9106); the content is compressed JSON, encrypted with AES-256-GCM. The server stores the
 * backup and cannot open it. It holds texts, the newest that fit, since message keys are deleted after their only use.
 */
import type { Schemas } from "../service/api";
import { type Bytes, base64, bytesOf, fromBase64, owned, textOf } from "./bytes";
import { type Changed, asMeant, asPoll } from "./changes";
import { CannotDecrypt } from "./errors";
import { asSealedFile } from "./files";
import { asVoice } from "./content";
import type { DecryptedMessage } from "./shelf";

const FORMAT = 1;
/** The server's limit for the ciphertext. */
const MAX_BYTES = 1_000_000;
const TAG_BYTES = 16;
const ASSOCIATED_DATA = bytesOf("SecureConnect backup 1");
/** As recommended by OWASP ("Password Storage Cheat Sheet"); takes about a second in a browser. */
const PARAMS = { kdf: "argon2id", memory_kib: 47_104, passes: 1, lanes: 1 };
const MAX_MEMORY_KIB = 262_144;
const MAX_PASSES = 16;

type Document = Schemas["BackupOut"];
type Params = typeof PARAMS & { nonce: string };
interface Item {
  conversation_id: string;
  message_id: string;
  seq: number;
  sender_id: string;
  device_id: string | null;
  text: string | null;
  files?: unknown[];
  voice?: unknown;
  poll?: unknown;
  reply?: unknown;
  hash?: string | undefined;
  changes?: Changed | undefined;
  expires_at?: string | null;
}

/** Encrypts messages, given newest first; the oldest are left out if they do not fit. */
export async function sealBackup(decrypted: readonly DecryptedMessage[], passphrase: string): Promise<Document> {
  let kept = decrypted;
  let plain = await compressed(kept);
  while (plain.length + TAG_BYTES > MAX_BYTES) plain = await compressed((kept = kept.slice(0, Math.floor(kept.length * 0.8))));
  const [salt, iv] = [crypto.getRandomValues(new Uint8Array(16)), crypto.getRandomValues(new Uint8Array(12))];
  const key = await keyOf(passphrase, salt, PARAMS, "encrypt");
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: ASSOCIATED_DATA }, key, plain));
  return { version: FORMAT, salt: base64(salt), params: { ...PARAMS, nonce: base64(iv) } as never, ciphertext: base64(sealed) };
}

/** Decrypts a backup. Throws CannotDecrypt for a wrong passphrase, a damaged backup and an unknown format. */
export async function openBackup({ version, salt, params, ciphertext }: Document, passphrase: string): Promise<DecryptedMessage[]> {
  if (version !== FORMAT) throw new CannotDecrypt("the backup is of another version");
  const given = params as unknown as Params;
  try {
    const key = await keyOf(passphrase, fromBase64(salt), given, "decrypt");
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: fromBase64(given.nonce), additionalData: ASSOCIATED_DATA }, key, fromBase64(ciphertext));
    const { said: items } = JSON.parse(textOf(await piped(new Uint8Array(plain), new DecompressionStream("deflate")))) as { said: Item[] };
    return items.map(asDecrypted);
  } catch (error) {
    throw new CannotDecrypt(`the passphrase is another one, or the backup is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function keyOf(passphrase: string, salt: Bytes, { memory_kib, passes, lanes }: typeof PARAMS, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  // the parameters come from the server, which must not be able to exhaust this machine's memory
  if (!(memory_kib <= MAX_MEMORY_KIB && passes <= MAX_PASSES)) throw new Error("the backup asks for more work than any of ours");
  const { argon2idAsync } = await import("@noble/hashes/argon2.js");
  const raw = await argon2idAsync(bytesOf(passphrase.normalize()), salt, { t: passes, m: memory_kib, p: lanes, dkLen: 32 });
  return crypto.subtle.importKey("raw", owned(raw), "AES-GCM", false, [use]);
}

function compressed(decrypted: readonly DecryptedMessage[]): Promise<Bytes> {
  const items = decrypted.map((each): Item => ({
    conversation_id: each.conversationId,
    message_id: each.messageId,
    seq: each.seq,
    sender_id: each.senderId,
    device_id: each.deviceId,
    text: each.text,
    files: [...(each.files ?? [])],
    voice: each.voice,
    poll: each.poll,
    reply: each.reply,
    hash: each.hash,
    changes: each.changes,
    expires_at: each.expiresAt,
  }));
  return piped(bytesOf(JSON.stringify({ said: items })), new CompressionStream("deflate"));
}

const asDecrypted = ({ conversation_id, message_id, seq, sender_id, device_id, text, files = [], voice, poll, reply, hash, changes, expires_at = null }: Item): DecryptedMessage => ({
  conversationId: conversation_id,
  messageId: message_id,
  seq,
  senderId: sender_id,
  deviceId: device_id,
  text,
  files: files.map(asSealedFile).filter((each) => each !== null),
  voice: asVoice(voice),
  poll: asPoll(poll),
  reply: asMeant(reply),
  hash: hash ?? undefined,
  changes,
  expiresAt: expires_at,
});

async function piped(data: Bytes, stream: CompressionStream | DecompressionStream): Promise<Bytes> {
  return new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(stream)).arrayBuffer());
}
