/** Reports that admins of groups have passed on. */
import { useLanguage } from "../../i18n";
import { momentOf, useEngine } from "../hooks";
import { More, usePages } from "../kit";

export function Escalated() {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const reports = usePages(["admin-reports"], (query) => api.get("/admin/reports", { query }));
  return (
    <>
      <ul className="rows">
        {reports.items.map((each) => (
          <li key={each.id} className="block">
            <blockquote dir="auto">{each.message?.text ?? t("message.deleted")}</blockquote>
            <p dir="auto">{t("report.says", { name: each.reporter?.display_name ?? t("group.gone"), reason: each.reason })}</p>
            <small>
              {momentOf(each.reported_at, locale)} · <code>{each.sender_id}</code>
            </small>
          </li>
        ))}
      </ul>
      <More of={reports} />
    </>
  );
}
