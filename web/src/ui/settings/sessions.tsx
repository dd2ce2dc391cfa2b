/** The person's sessions, and ending them. */
import { useQueryClient } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { momentOf, useEngine } from "../hooks";
import { More, Section, Sure, usePages } from "../kit";
import { signOut } from "../sign-out";

export function SessionsPart() {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const queries = useQueryClient();
  const sessions = usePages(["sessions"], (query) => engine.api.get("/auth/sessions", { query }));
  const end = async (session_id: string) => {
    await engine.api.delete("/auth/sessions/{session_id}", { path: { session_id } });
    await queries.invalidateQueries({ queryKey: ["sessions"] });
  };
  return (
    <Section title={t("settings.sessions")} hint={t("sessions.hint")}>
      <ul className="rows">
        {sessions.items.map((each) => {
          const name = each.device_name ?? t("sessions.unnamed");
          return (
            <li key={each.session_id} className="row">
              <span className="grow">
                <strong dir="auto">{name}</strong> {each.current && <em>{t("sessions.this")}</em>}
                <br />
                <small>{t("sessions.seen", { when: momentOf(each.last_seen_at, locale), where: each.ip })}</small>
              </span>
              {!each.current && (
                <Sure label={t("sessions.end")} ariaLabel={t("sessions.end_named", { name })} text={t("sessions.end_text")} onSure={() => end(each.session_id)} />
              )}
            </li>
          );
        })}
      </ul>
      <More of={sessions} />
      <p className="row">
        <Sure label={t("sessions.end_all")} text={t("sessions.end_all_text")} onSure={() => signOut(engine, { everywhere: true })} />
      </p>
    </Section>
  );
}
