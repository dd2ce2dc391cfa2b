/** Brings a message on screen from anywhere: in the history that is open, or by opening the conversation it stands in. */
import { openConversation } from "../places";

/** Where in a history to go. */
export type Target = { readonly message: string } | { readonly seq: number } | { readonly date: Date } | "end";
type Jump = (target: Target) => Promise<void>;

const open = new Map<string, Jump>();

/** A history is on screen until the answer is called. */
export function canJump(conversationId: string, jump: Jump): () => void {
  open.set(conversationId, jump);
  return () => {
    if (open.get(conversationId) === jump) open.delete(conversationId);
  };
}

const NARROW = "(max-width: 60rem)";

/** On narrow screens a panel covers the history, so it closes. Throws what the API refuses. */
export async function showMessage(conversationId: string, message: string): Promise<void> {
  const jump = open.get(conversationId);
  if (!jump || matchMedia(NARROW).matches) openConversation(conversationId, { message });
  else await jump({ message });
}

export async function jumpIn(conversationId: string, target: Target): Promise<void> {
  await open.get(conversationId)?.(target);
}

/** A link to a message that other members can open. */
export function linkTo(conversationId: string, messageId: string): string {
  const place = `#/conversations/${encodeURIComponent(conversationId)}/messages/${encodeURIComponent(messageId)}`;
  return location.href.replace(/#.*$/, "") + place;
}
