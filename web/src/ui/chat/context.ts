/** What a message's row may ask of the conversation around it. */
import { createContext, use } from "react";
import type { Conversation, Member, Message } from "../../engine";

export interface Chat {
  readonly conversation: Conversation;
  readonly me: string;
  readonly group: boolean;
  /** Owner or admin: may delete others' messages. */
  readonly admin: boolean;
  readonly names: ReadonlyMap<string, string>;
  readonly members: readonly Member[];
  reply(message: Message): void;
  edit(message: Message): void;
  /** Opens the menu of a message beside what was pressed. */
  menu(message: Message, anchor: Element): void;
  jump(messageId: string): void;
  thread(rootId: string): void;
  /** Tries what may be refused, one after the other, and tells so above the history. */
  attempt(doing: () => Promise<unknown>): void;
}

export const ChatContext = createContext<Chat | null>(null);

export function useChat(): Chat {
  const chat = use(ChatContext);
  if (!chat) throw new Error("there is no conversation around this");
  return chat;
}
