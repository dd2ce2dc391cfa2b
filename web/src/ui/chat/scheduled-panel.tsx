/** Scheduled messages, and those that could not be sent; each can be cancelled. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { ApiError } from "../../engine";
import { useLanguage } from "../../i18n";
import { errorText, momentOf, useAttempt, useEngine } from "../hooks";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";

export default function ScheduledPanel({ conversation, onClose }: PanelProps) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const { id } = conversation;
  const { data, error } = useQuery({
    queryKey: ["scheduled", id],
    refetchInterval: 15_000,
    staleTime: 0,
    queryFn: () => api.get("/conversations/{conversation_id}/scheduled", { path: { conversation_id: id }, query: { limit: 100 } }),
  });
  const cancel = (scheduled_id: string) =>
    attempt(async () => {
      await api.delete("/conversations/{conversation_id}/scheduled/{scheduled_id}", { path: { conversation_id: id, scheduled_id } });
      await queries.invalidateQueries({ queryKey: ["scheduled", id] });
    });
  return (
    <Panel title={t("later.list")} onClose={onClose}>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      {data?.items.length === 0 && <p className="empty">{t("later.none")}</p>}
      <ul className="plain">
        {data?.items.map((each) => (
          <li key={each.id} className="hit row">
            <span className="grow">
              <time dateTime={each.send_at}>{momentOf(each.send_at, locale)}</time>
              <span className="lines" dir="auto">
                {each.text ?? t("message.file")}
              </span>
              {each.state === "failed" && <span className="problem">{t("later.failed", { reason: errorText(new ApiError({ status: 400, code: each.reason }), t) })}</span>}
            </span>
            <button className="icon" aria-label={t("later.cancel")} onClick={() => void cancel(each.id)}>
              <Trash2 aria-hidden />
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
