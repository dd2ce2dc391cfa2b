/** The earlier versions of an edited message. */
import { useQuery } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { errorText, momentOf, useEngine } from "../hooks";
import { Markup } from "../markup";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";

export default function EditsPanel({ conversation, detail: message_id = "", onClose }: PanelProps) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const path = { conversation_id: conversation.id, message_id };
  const { data, error } = useQuery({
    queryKey: ["edits", conversation.id, message_id],
    staleTime: 0,
    queryFn: async () => {
      const [earlier, now] = await Promise.all([
        api.get("/conversations/{conversation_id}/messages/{message_id}/edits", { path }),
        api.get("/conversations/{conversation_id}/messages/{message_id}", { path }),
      ]);
      return { earlier: earlier.items, now };
    },
  });
  return (
    <Panel title={t("chat.edits")} onClose={onClose}>
      <Problem text={error ? errorText(error, t) : ""} />
      <ol className="plain">
        {data && (
          <li className="hit">
            <small>{t("chat.now")}</small>
            <Markup text={data.now.text ?? t("message.deleted")} />
          </li>
        )}
        {data?.earlier.map((each) => (
          <li key={each.written_at} className="hit">
            <time dateTime={each.written_at}>{momentOf(each.written_at, locale)}</time>
            <Markup text={each.text} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}
