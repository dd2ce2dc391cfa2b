/** A thread: its root message, the replies, and a composer. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { allItems } from "../../engine";
import { useTranslations } from "../../i18n";
import { Composer } from "../composer";
import { errorText, useEngine, useValue } from "../hooks";
import { Waiting } from "../kit";
import { MessageRow } from "../message";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";
import { ChatProvider } from "./provider";

export default function ThreadPanel({ conversation, detail: rootId = "", onClose }: PanelProps) {
  const t = useTranslations();
  const engine = useEngine();
  const queries = useQueryClient();
  const end = useRef<HTMLDivElement>(null);
  const { id } = conversation;
  const key = ["thread", id, rootId];
  const { data, error } = useQuery({
    queryKey: key,
    queryFn: async () => {
      const path = { conversation_id: id, message_id: rootId };
      const root = await engine.api.get("/conversations/{conversation_id}/messages/{message_id}", { path });
      const replies = await allItems((query) => engine.api.get("/conversations/{conversation_id}/messages/{message_id}/thread", { path, query }));
      return { root, replies: replies.filter((each) => each.seq > root.seq).sort((a, b) => a.seq - b.seq) };
    },
  });
  useEffect(
    () =>
      engine.on("*", (event) => {
        if (event.conversation_id !== id || event.seq === undefined) return;
        const message = event.type === "message.created" ? event.data : null;
        if (event.type === "message.created" && message?.thread_root !== rootId) return;
        void queries.invalidateQueries({ queryKey: ["thread", id, rootId] });
      }),
    [engine, queries, id, rootId],
  );
  const outgoing = useValue(engine.outbox.items).filter((each) => each.conversation_id === id && each.body.thread_root === rootId);
  const problem = error ? errorText(error, t) : "";
  const shown = data ? [data.root, ...data.replies] : [];
  useEffect(() => {
    void end.current?.scrollIntoView({ block: "end" }); // `void`, since newer browsers return a promise, which is no clean-up function
  }, [shown.length, outgoing.length]);

  return (
    <ChatProvider conversation={conversation} threadRoot={rootId}>
      <Panel title={t("chat.thread")} onClose={onClose} foot={<Composer threadRoot={rootId} />}>
        <Problem text={problem} />
        <Waiting for={{ loaded: data !== undefined, problem }} />
        <div role="log" aria-label={t("chat.thread")} className="thread">
          {shown.map((message) => (
            <MessageRow
              key={message.id}
              day={null}
              beginsUnread={false}
              item={{ key: message.id, state: "sent", message: { ...message, thread_root: null, thread_count: 0 } }}
              follows={false}
              replied={shown.find((each) => each.id === message.reply_to) ?? null}
              readBy={0}
              marked={false}
            />
          ))}
          {outgoing.map((each) => (
            <p key={each.client_id} className="message own" dir="auto">
              {each.body.text} <small>{t(each.state === "failed" ? "message.failed" : "message.pending")}</small>
            </p>
          ))}
          <div ref={end} />
        </div>
      </Panel>
    </ChatProvider>
  );
}
