/** Provides the context of a conversation to its rows and composer, and shows the menu of a message. */
import { type ReactNode, Suspense, lazy, useMemo, useRef, useState } from "react";
import type { Conversation, Message } from "../../engine";
import { useChanges, useEngine, useMyId } from "../hooks";
import { useMembers } from "../people";
import { openConversation } from "../places";
import { Problem } from "../problem";
import { type Chat, ChatContext } from "./context";
import { showMessage } from "./jumps";

const MessageMenu = lazy(() => import("./message-menu"));

export interface ChatProviderProps {
  conversation: Conversation;
  threadRoot?: string | undefined;
  children: ReactNode;
}

export function ChatProvider({ conversation, threadRoot, children }: ChatProviderProps) {
  const engine = useEngine();
  const me = useMyId();
  const members = useMembers(conversation.id);
  const [menu, setMenu] = useState<{ readonly message: Message; readonly anchor: Element } | null>(null);
  const { attempt, inOrder, problem } = useChanges();
  const latest = useRef({ attempt, inOrder });
  latest.current = { attempt, inOrder };
  const { id, type, role } = conversation;
  const chat = useMemo<Chat>(
    () => ({
      conversation,
      me,
      group: type === "group",
      admin: type === "direct" || role !== "member",
      members,
      names: new Map(members.flatMap((each) => (each.user ? [[each.user.id, each.user.display_name] as const] : []))),
      reply: (message) => engine.drafts.write(id, engine.drafts.of(id, threadRoot).get().text, { replyTo: message.id, threadRoot }),
      edit: (message) => engine.drafts.writeEdit(id, message.id, message.text ?? "", threadRoot),
      menu: (message, anchor) => setMenu({ message, anchor }),
      jump: (messageId) => void latest.current.attempt(() => showMessage(id, messageId)),
      thread: (rootId) => openConversation(id, { panel: "thread", detail: rootId }),
      attempt: (doing) => void latest.current.inOrder(doing),
    }),
    [engine, conversation, id, type, role, me, members, threadRoot],
  );
  return (
    <ChatContext value={chat}>
      <Problem text={problem} />
      {children}
      {menu && (
        <Suspense>
          <MessageMenu {...menu} onClose={() => setMenu(null)} />
        </Suspense>
      )}
    </ChatContext>
  );
}
