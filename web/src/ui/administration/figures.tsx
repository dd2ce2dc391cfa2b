/** Statistics of the last 30 days. */
import { useQuery } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { sizeOf } from "../attachments";
import { errorText, useEngine } from "../hooks";
import { Problem } from "../problem";

const DAY_MS = 86_400_000;
const DAYS = 30;

export function Figures() {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const day = (ago: number) => new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);
  const { data, error } = useQuery({
    queryKey: ["admin-stats"],
    queryFn: () => api.get("/admin/stats", { query: { from: day(DAYS - 1), to: day(0) } }),
  });
  const number = (value: number) => new Intl.NumberFormat(locale).format(value);
  return (
    <>
      <Problem text={error ? errorText(error, t) : ""} />
      <div className="table" tabIndex={0} role="region" aria-label={t("admin.stats")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("admin.day")}</th>
              <th scope="col">{t("admin.n_users")}</th>
              <th scope="col">{t("admin.n_active")}</th>
              <th scope="col">{t("admin.n_messages")}</th>
              <th scope="col">{t("admin.n_calls")}</th>
              <th scope="col">{t("admin.n_storage")}</th>
              <th scope="col">{t("admin.n_ai")}</th>
            </tr>
          </thead>
          <tbody>
            {data?.items.map((each) => (
              <tr key={each.day}>
                <th scope="row">{each.day}</th>
                <td>{number(each.users)}</td>
                <td>{number(each.active)}</td>
                <td>{number(each.messages)}</td>
                <td>{number(each.calls)}</td>
                <td>{sizeOf(each.storage, locale)}</td>
                <td>{number(each.ai_spend)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
