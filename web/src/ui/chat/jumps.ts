/** Shows a message from anywhere: jumps in the open history, or opens the message's conversation. */
import { openConversation } from "../places";

/** The target of a jump in a history. */
export type Target = { readonly message: string } | { readonly seq: number } | { readonly date: Date } | "end";
type Jump = (target: Target) => Promise<void>;

const open = new Map<string, Jump>();

/** Registers the open history of a conversation, until the returned function is called. */
export function canJump(conversationId: string, jump: Jump): () => void {
  open.set(conversationId, jump);
  return () => {
    if (open.get(conversationId) === jump) open.delete(conversationId);
  };
}

const NARROW = "(max-width: 60rem)";

/** Shows a message. On narrow screens this closes the panel, which would cover the history. Throws ApiError. */
export async function showMessage(conversationId: string, message: string): Promise<void> {
  const jump = open.get(conversationId);
  if (!jump || matchMedia(NARROW).matches) openConversation(conversationId, { message });
  else await jump({ message });
}

export async function jumpIn(conversationId: string, target: Target): Promise<void> {
  await open.get(conversationId)?.(target);
}

/** A URL of a message, which other members can open. */
export function linkTo(conversationId: string, messageId: string): string {
  const place = `#/conversations/${encodeURIComponent(conversationId)}/messages/${encodeURIComponent(messageId)}`;
  return location.href.replace(/#.*$/, "") + place;
}
