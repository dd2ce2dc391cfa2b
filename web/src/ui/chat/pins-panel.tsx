/** The pinned messages of a conversation, last pinned first. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { PinOff } from "lucide-react";
import { useEffect } from "react";
import { useTranslations } from "../../i18n";
import { errorText, useAttempt, useEngine } from "../hooks";
import { nameOf, useMembers } from "../people";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";
import { Hit } from "./hit";

export default function PinsPanel({ conversation, onClose }: PanelProps) {
  const t = useTranslations();
  const engine = useEngine();
  const queries = useQueryClient();
  const members = useMembers(conversation.id);
  const { attempt, problem } = useAttempt();
  const { id } = conversation;
  const mayPin = conversation.settings.who_can_pin !== "admins" || conversation.role !== "member" || conversation.type === "direct";
  const { data, error } = useQuery({
    queryKey: ["pins", id],
    queryFn: () => engine.api.get("/conversations/{conversation_id}/pins", { path: { conversation_id: id }, query: { limit: 100 } }),
  });
  useEffect(
    () => engine.on("message.updated", (event) => void (event.conversation_id === id && queries.invalidateQueries({ queryKey: ["pins", id] }))),
    [engine, queries, id],
  );
  const unpin = (message_id: string) =>
    attempt(async () => {
      await engine.api.delete("/conversations/{conversation_id}/pins/{message_id}", { path: { conversation_id: id, message_id } });
      await queries.invalidateQueries({ queryKey: ["pins", id] });
    });
  return (
    <Panel title={t("chat.pins")} onClose={onClose}>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      {data?.items.length === 0 && <p className="empty">{t("chat.no_pins")}</p>}
      <ul className="plain">
        {data?.items.map((each) => engine.endToEnd.shown(each, id)).map((each) => (
          <Hit key={each.id} message={each} who={nameOf(members, each.sender_id)}>
            {mayPin && (
              <button className="icon" aria-label={t("chat.unpin")} onClick={() => void unpin(each.id)}>
                <PinOff aria-hidden />
              </button>
            )}
          </Hit>
        ))}
      </ul>
    </Panel>
  );
}
