/** The context that message rows and composers get from the conversation around them. */
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
  /** Opens a message's menu beside the pressed element. */
  menu(message: Message, anchor: Element): void;
  jump(messageId: string): void;
  thread(rootId: string): void;
  /** Runs actions one after the other; an error shows above the history. */
  attempt(doing: () => Promise<unknown>): void;
}

export const ChatContext = createContext<Chat | null>(null);

export function useChat(): Chat {
  const chat = use(ChatContext);
  if (!chat) throw new Error("there is no conversation around this");
  return chat;
}
