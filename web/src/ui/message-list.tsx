/** The messages of a conversation, oldest first; older ones come when one scrolls up to them. */
import { useEffect, useLayoutEffect, useRef, useSyncExternalStore, useState } from "react";
import type { Conversation, Member, Message, Timeline, TimelineState } from "../engine";
import { useLanguage } from "../i18n";
import { dayOf, useEngine } from "./hooks";
import { MessageRow } from "./message";

const NEAR_PX = 160;
const NOTHING: TimelineState = { items: [], atStart: false, atEnd: true, loading: "initial", error: null, stale: false };

function useTimeline(conversationId: string): [Timeline | null, TimelineState] {
  const engine = useEngine();
  const [timeline, setTimeline] = useState<Timeline | null>(null);
  useEffect(() => {
    const opened = engine.timeline(conversationId);
    setTimeline(opened);
    return () => opened.close();
  }, [engine, conversationId]);
  const state = useSyncExternalStore(
    (listener) => timeline?.subscribe(listener) ?? (() => undefined),
    () => timeline?.get() ?? NOTHING,
  );
  return [timeline, state];
}

export interface MessageListProps {
  conversation: Conversation;
  members: readonly Member[];
  me: string;
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

export function MessageList({ conversation, members, me, onReply, onEdit }: MessageListProps) {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const [timeline, state] = useTimeline(conversation.id);
  const list = useRef<HTMLDivElement>(null);
  const atBottom = useRef(true);
  const last = state.items.at(-1);

  useLayoutEffect(() => {
    const box = list.current;
    if (box && atBottom.current) box.scrollTop = box.scrollHeight;
  }, [last?.key, state.items.length]);

  const lastSeq = last?.state === "sent" ? last.message.seq : 0;
  useEffect(() => {
    if (lastSeq > 0 && document.visibilityState === "visible") void engine.commands.markRead(conversation.id, lastSeq);
  }, [engine, conversation.id, lastSeq]);

  function scrolled() {
    const box = list.current;
    if (!box || !timeline) return;
    atBottom.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (box.scrollTop < NEAR_PX && !state.atStart) {
      const before = box.scrollHeight;
      void timeline.loadOlder().then(() => requestAnimationFrame(() => (box.scrollTop += box.scrollHeight - before)));
    }
  }

  return (
    <div className="messages" ref={list} onScroll={scrolled} role="log" aria-label={t("messages")} tabIndex={0}>
      {state.error && <p role="alert" className="problem">{t("error.network")}</p>}
      {state.atStart && <p className="empty">{t("messages.start")}</p>}
      {state.items.map((item, index) => {
        const day = dayOf(item.message.created_at, locale);
        const before = state.items[index - 1];
        const newDay = !before || dayOf(before.message.created_at, locale) !== day;
        return (
          <div key={item.key} className="line">
            {newDay && <h3 className="day">{day}</h3>}
            <MessageRow
              item={item}
              members={members}
              me={me}
              group={conversation.type === "group"}
              follows={!newDay && before?.message.sender_id === item.message.sender_id}
              replied={state.items.find((each) => each.message.id === item.message.reply_to)?.message ?? null}
              onReply={onReply}
              onEdit={onEdit}
            />
          </div>
        );
      })}
    </div>
  );
}
