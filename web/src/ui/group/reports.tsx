/** Messages that members have reported, and what was decided. */
import { useQueryClient } from "@tanstack/react-query";
import type { BodyOf } from "../../engine";
import { useLanguage } from "../../i18n";
import { momentOf, useAttempt, useEngine } from "../hooks";
import { More, usePages } from "../kit";
import { Problem } from "../problem";
import type { PartProps } from "./index";

type Decision = BodyOf<"patch", "/conversations/{conversation_id}/reports/{report_id}">;

export function Reports({ conversation }: PartProps) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const path = { conversation_id: conversation.id };
  const reports = usePages(["reports", conversation.id], (query) => api.get("/conversations/{conversation_id}/reports", { path, query }));
  const decide = (report_id: string, body: Decision) =>
    void attempt(() => api.patch("/conversations/{conversation_id}/reports/{report_id}", { path: { ...path, report_id }, body })).then(() =>
      queries.invalidateQueries({ queryKey: ["reports", conversation.id] }),
    );
  const states = { open: t("report.open"), resolved: t("report.resolved"), dismissed: t("report.dismissed"), escalated: t("report.escalated") };
  return (
    <>
      <Problem text={problem} />
      <ul className="rows">
        {reports.items.map((each) => (
          <li key={each.id} className="block">
            <blockquote dir="auto">{each.message?.text ?? t("message.deleted")}</blockquote>
            <p dir="auto">{t("report.says", { name: each.reporter?.display_name ?? t("group.gone"), reason: each.reason })}</p>
            <small>
              {momentOf(each.reported_at, locale)} · {states[each.state]}
            </small>
            {(each.state === "open" || each.state === "escalated") && (
              <p className="row wrap">
                <button className="danger" onClick={() => decide(each.id, { state: "resolved", delete_message: true })}>
                  {t("report.delete")}
                </button>
                <button onClick={() => decide(each.id, { state: "resolved" })}>{t("report.resolve")}</button>
                <button onClick={() => decide(each.id, { state: "dismissed" })}>{t("report.dismiss")}</button>
                {each.state === "open" && <button onClick={() => decide(each.id, { state: "escalated" })}>{t("report.escalate")}</button>}
              </p>
            )}
          </li>
        ))}
      </ul>
      <More of={reports} />
    </>
  );
}
