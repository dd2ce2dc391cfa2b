/** The audit log, with filters, and the proof of its hash chain. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useLanguage } from "../../i18n";
import { momentOf, useEngine } from "../hooks";
import { Field, More, usePages } from "../kit";

export function Audit() {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const [typed, setTyped] = useState({ actor: "", action: "", target: "" });
  const wanted = useDeferredValue(typed);
  const filters = Object.fromEntries(Object.entries(wanted).filter(([, text]) => text.trim() !== ""));
  const entries = usePages(["admin-audit", filters], (query) => api.get("/admin/audit", { query: { ...query, ...filters } }));
  const { data: proof } = useQuery({ queryKey: ["admin-proof"], queryFn: () => api.get("/admin/audit/proof"), enabled: entries.loaded });
  const field = (name: keyof typeof typed, label: string) => (
    <Field label={label} value={typed[name]} onChange={(event) => setTyped({ ...typed, [name]: event.target.value })} />
  );
  return (
    <>
      <div className="row wrap">
        {field("actor", t("admin.by_actor"))}
        {field("action", t("admin.by_action"))}
        {field("target", t("admin.by_target"))}
      </div>
      <div className="table" tabIndex={0} role="region" aria-label={t("admin.audit")}>
        <table>
          <thead>
            <tr>
              <th scope="col">#</th>
              <th scope="col">{t("admin.when")}</th>
              <th scope="col">{t("admin.who")}</th>
              <th scope="col">{t("admin.what")}</th>
              <th scope="col">{t("admin.whom")}</th>
              <th scope="col">{t("admin.from_where")}</th>
            </tr>
          </thead>
          <tbody>
            {entries.items.map((each) => (
              <tr key={each.n}>
                <td>{each.n}</td>
                <td>{momentOf(each.at, locale)}</td>
                <td>
                  <code>{each.actor}</code>
                </td>
                <td>{each.action}</td>
                <td>
                  <code>{each.target}</code>
                </td>
                <td>{each.ip}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More of={entries} />
      {proof && (
        <p className="hint">
          {t("admin.proof", { first: proof.first, last: proof.last })} <code>{proof.head_hash}</code>
        </p>
      )}
    </>
  );
}
