/** Pure reducers of messages, shared by the full view of a log (`view.ts`) and by timelines (`timeline.ts`). */
import type { EventOf, Message, Poll } from "../service/api";

type Reacted = EventOf<"reaction.added"> | EventOf<"reaction.removed">;

/** The tombstone of a message that was deleted or has expired. */
export function tombstone(message: Message, deletedAt: string | null): Message {
  return {
    ...message,
    text: null,
    ciphertext: null,
    attachments: [],
    mentions: [],
    reply_to: null,
    reactions: [],
    metadata: {},
    edited_at: null,
    deleted_at: message.deleted_at ?? deletedAt,
  };
}

/** Whether a disappearing message has expired. There is no event for that: the client hides it at `expires_at`. */
export function hasExpired(message: Message, now: number): boolean {
  return message.deleted_at === null && message.expires_at !== null && Date.parse(message.expires_at) <= now;
}

/** The message after a reaction was added or removed; reactions are counted per emoji. */
export function withReaction(message: Message, event: Reacted, myId: string): Message {
  if (!event.data) return message;
  const { emoji, user_id } = event.data;
  const mine = user_id === myId;
  const added = event.type === "reaction.added";
  const present = message.reactions.find((each) => each.emoji === emoji);
  if (mine && present?.mine === added) return message; // applied already, optimistically
  const count = (present?.count ?? 0) + (added ? 1 : -1);
  const others = message.reactions.filter((each) => each.emoji !== emoji);
  const changed = { emoji, count, mine: mine ? added : (present?.mine ?? false) };
  return { ...message, reactions: count > 0 ? [...others, changed].sort(byEmoji) : others };
}

/** The poll after the viewer's vote; hidden results stay hidden. */
export function withVote(poll: Poll, optionIds: readonly string[]): Poll {
  const before = new Set(poll.my_votes);
  const now = new Set(optionIds);
  const moved = (id: string) => Number(now.has(id)) - Number(before.has(id));
  const voters = Number(now.size > 0) - Number(before.size > 0);
  return {
    ...poll,
    my_votes: [...now],
    total_voters: poll.total_voters === null ? null : poll.total_voters + voters,
    options: poll.options.map((each) => (each.votes === null ? each : { ...each, votes: each.votes + moved(each.id) })),
  };
}

/** Compares by code points, like the server. */
export function byEmoji(a: { emoji: string }, b: { emoji: string }): number {
  const [left, right] = [[...a.emoji], [...b.emoji]];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
