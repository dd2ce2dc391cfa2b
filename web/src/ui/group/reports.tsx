/** Messages that members have reported, and the decisions on them. */
import { useQueryClient } from "@tanstack/react-query";
import type { BodyOf } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { More, usePages } from "../kit";
import { Problem } from "../problem";
import { Reported } from "../reported";
import type { PartProps } from "./index";

type Decision = BodyOf<"patch", "/conversations/{conversation_id}/reports/{report_id}">;

export function Reports({ conversation }: PartProps) {
  const t = useTranslations();
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
          <Reported key={each.id} report={each} beside={states[each.state]}>
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
          </Reported>
        ))}
      </ul>
      <More of={reports} />
    </>
  );
}
