/**
 * Search in the decrypted messages of this device: a scan of the store, newest first within each conversation, in pages
 * that are bounded in results and in time.
 */
import type { FoundSaid, DeviceSearchPage, DeviceSearchPlace, DeviceSearchQuery } from "../types";
import type { DecryptedMessage } from "./shelf";
import type { Vault } from "./vault";
import { excerpt, partsOf, words } from "./words";

const RESULTS = 30;
const ROWS = 1_000;
/** After this time a page ends, with as many results as there are. */
const BUDGET_MS = 1_000;

export async function find(vault: Vault, query: DeviceSearchQuery, from: DeviceSearchPlace | null, now: number): Promise<DeviceSearchPage> {
  const parts = partsOf(query.q);
  if (parts.length === 0 && !query.withFiles && !query.senderId) return { items: [], next: null };
  const matches = (decrypted: DecryptedMessage): boolean =>
    decrypted.text !== null &&
    (decrypted.expiresAt === null || Date.parse(decrypted.expiresAt) > now) &&
    (!query.senderId || decrypted.senderId === query.senderId) &&
    (!query.withFiles || (decrypted.files?.length ?? 0) > 0) &&
    (query.before === undefined || sentAt(decrypted.messageId) < query.before) &&
    isIn(words([decrypted.text, ...(decrypted.files ?? []).map(({ name }) => name)].join("\n")), parts);

  const deadline = performance.now() + BUDGET_MS;
  const items: FoundSaid[] = [];
  let place: DeviceSearchPlace | null = from ?? { conversation: 0, below: null };
  while (place) {
    const id: string | undefined = query.conversationIds[place.conversation];
    if (id === undefined) return { items, next: null };
    const rows: [string, DecryptedMessage][] = await vault.last(`said/${id}/`, place.below, ROWS);
    let taken = 0;
    for (const [, decrypted] of rows) {
      if (items.length === RESULTS) break;
      taken += 1;
      if (matches(decrypted)) items.push(asFound(decrypted, parts));
    }
    const below: string | undefined = rows[taken - 1]?.[0];
    const isDone: boolean = taken === rows.length && rows.length < ROWS;
    place = isDone || below === undefined ? { conversation: place.conversation + 1, below: null } : { conversation: place.conversation, below };
    if (items.length === RESULTS || performance.now() > deadline) break;
  }
  return { items, next: place && place.conversation < query.conversationIds.length ? place : null };
}

const isIn = (text: string, parts: readonly string[]): boolean => parts.every((each) => text.includes(each));

function asFound({ conversationId, messageId, senderId, text, files = [] }: DecryptedMessage, parts: readonly string[]): FoundSaid {
  return {
    id: messageId,
    conversation_id: conversationId,
    sender_id: senderId,
    created_at: new Date(sentAt(messageId)).toISOString(),
    text: excerpt(text ?? "", parts) || (files[0]?.name ?? ""),
  };
}

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** Epoch milliseconds of a message: ids are ULIDs in lower case, whose first ten digits are the time. */
export function sentAt(messageId: string): number {
  const digits = messageId.slice(messageId.indexOf("_") + 1, messageId.indexOf("_") + 11);
  return [...digits].reduce((sum, digit) => sum * 32 + Math.max(0, DIGITS.indexOf(digit)), 0);
}
