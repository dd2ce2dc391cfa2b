/** What screens show of decrypted polls and reactions, in the form of the server's. */
import type { Message, Poll } from "./api";
import type { DecryptedMessage } from "./encryption";
import { byEmoji } from "./reduce";

type Changes = DecryptedMessage["changes"];

/** The message's reactions: those in the clear from before it was encrypted by clients, and the encrypted ones. */
export function reactionsOf(message: Message, changes: Changes, me: string): Message["reactions"] {
  if (!changes?.reactions?.length) return message.reactions;
  const encrypted = changes.reactions.map(({ emoji, by }) => ({ emoji, count: by.length, mine: by.includes(me) }));
  return [...message.reactions.filter(({ emoji }) => encrypted.every((each) => each.emoji !== emoji)), ...encrypted].sort(byEmoji);
}

/** A poll, in which everybody sees who voted for what. Its options' ids are their numbers. */
export function pollOf(message: Message, question: string, { options, multiple }: NonNullable<DecryptedMessage["poll"]>, changes: Changes, me: string): Poll {
  const votes = Object.values(changes?.votes ?? {}).filter((each) => each.length > 0);
  return {
    id: message.id,
    conversation_id: message.conversation_id,
    message_id: message.id,
    creator_id: message.sender_id,
    question,
    options: options.map((text, n) => ({ id: String(n), text, votes: votes.filter((each) => each.includes(n)).length })),
    multiple,
    max_choices: multiple ? options.length : 1,
    anonymous: false,
    allow_change: true,
    allow_add_options: false,
    results: "live",
    state: changes?.closed ? "closed" : "open",
    closes_at: null,
    closed_at: null,
    created_at: message.created_at,
    total_voters: votes.length,
    my_votes: (changes?.votes?.[me] ?? []).map(String),
  };
}
