/** The people to whom a message was delivered, and those who have read it. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslations } from "../../i18n";
import { errorText, messageText, useEngine, useMyId, useValue } from "../hooks";
import { nameOf, useMembers } from "../people";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";

export default function InfoPanel({ conversation, detail: message_id = "", onClose }: PanelProps) {
  const t = useTranslations();
  const engine = useEngine();
  const me = useMyId();
  const members = useMembers(conversation.id);
  const { id } = conversation;
  const path = { conversation_id: id, message_id };
  const { data: message, error } = useQuery({
    queryKey: ["message", id, message_id],
    queryFn: () => engine.api.get("/conversations/{conversation_id}/messages/{message_id}", { path }),
  });
  const shown = message && engine.endToEnd.shown(message, id);
  const seq = message?.seq ?? 0;
  // in large conversations the server gives only counts
  const { data: counted } = useQuery({
    queryKey: ["receipt-counts", id, seq],
    enabled: seq > 0,
    staleTime: 0,
    queryFn: () => engine.api.get("/conversations/{conversation_id}/receipts", { path: { conversation_id: id }, query: { seq, limit: 1 } }),
  });
  useEffect(() => void engine.receipts.load(id).catch(() => undefined), [engine, id]); // on failure receipts still arrive as events
  const receipts = useValue(engine.receipts.of(id)).filter((each) => each.user_id !== me && each.user_id !== message?.sender_id);
  const read = receipts.filter((each) => each.read_seq >= seq);
  const reached = receipts.filter((each) => each.delivered_seq >= seq && each.read_seq < seq);
  const counts = counted?.counts;
  return (
    <Panel title={t("chat.who_read")} onClose={onClose}>
      <Problem text={error ? errorText(error, t) : ""} />
      <p className="lines" dir="auto">
        {shown && messageText(shown, t)}
      </p>
      {counts ? (
        <p>{t("chat.read_counts", { read: counts.read ?? "–", delivered: counts.delivered, members: counts.members })}</p>
      ) : (
        seq > 0 && (
          <>
            <h3>{t("chat.read_by", { count: read.length })}</h3>
            <ul className="plain">
              {read.map((each) => (
                <li key={each.user_id} dir="auto">
                  {nameOf(members, each.user_id)}
                </li>
              ))}
            </ul>
            <h3>{t("chat.reached", { count: reached.length })}</h3>
            <ul className="plain">
              {reached.map((each) => (
                <li key={each.user_id} dir="auto">
                  {nameOf(members, each.user_id)}
                </li>
              ))}
            </ul>
          </>
        )
      )}
    </Panel>
  );
}
