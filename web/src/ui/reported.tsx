import type { ReactNode } from "react";
import type { Report } from "../engine";
import { useLanguage } from "../i18n";
import { momentOf } from "./hooks";

/**
 * A reported message with its text, reporter, reason and time; `beside` shows next to the time, `children` are actions.
 */
export function Reported({ report, beside, children }: { report: Report; beside: ReactNode; children?: ReactNode }) {
  const { t, locale } = useLanguage();
  return (
    <li className="block">
      <blockquote dir="auto">{report.message?.text ?? t("message.deleted")}</blockquote>
      <p dir="auto">{t("report.says", { name: report.reporter?.display_name ?? t("group.gone"), reason: report.reason })}</p>
      <small>
        {momentOf(report.reported_at, locale)} · {beside}
      </small>
      {children}
    </li>
  );
}
