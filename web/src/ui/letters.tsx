/** Where links of letters lead, signed in or not: `#/verify?token=…`, `#/reset?token=…`, and asking for one: `#/forgot`. */
import { type FormEvent, useState } from "react";
import { useTranslations } from "../i18n";
import { useAttempt, useEngine } from "./hooks";
import { goHome, questionOf } from "./places";
import { Problem } from "./problem";

export default function Letters({ name }: { name: string }) {
  const t = useTranslations();
  const { api } = useEngine();
  const [token] = useState(() => questionOf(location.hash).get("token") ?? "");
  const [done, setDone] = useState("");
  const { attempt, problem } = useAttempt();
  const act = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (field: string) => String(given.get(field) ?? "");
    void attempt(async () => {
      if (name === "verify") {
        await api.post("/auth/email/verify", { body: { token } });
        setDone(t("letter.verified"));
      } else if (name === "reset") {
        await api.post("/auth/password/reset", { body: { token, new_password: text("password") } });
        setDone(t("letter.was_reset"));
      } else {
        await api.post("/auth/password/forgot", { body: { email: text("email").trim() } });
        setDone(t("letter.sent"));
      }
    });
  };
  const title = t(name === "verify" ? "letter.verify" : name === "reset" ? "letter.reset" : "letter.forgot");
  return (
    <main className="welcome">
      <h1>{t("app.name")}</h1>
      <form className="card" onSubmit={act}>
        <h2>{title}</h2>
        {done ? (
          <p role="status">{done}</p>
        ) : (
          <>
            {name === "reset" && (
              <label className="field">
                <span>{t("password.new")}</span>
                <input name="password" type="password" autoComplete="new-password" minLength={10} maxLength={128} required autoFocus />
              </label>
            )}
            {name === "forgot" && (
              <label className="field">
                <span>{t("signin.email")}</span>
                <input name="email" type="email" autoComplete="email" required autoFocus />
              </label>
            )}
            <Problem text={problem} />
            <button className="primary">{name === "forgot" ? t("letter.send") : title}</button>
          </>
        )}
        <button type="button" className="quiet" onClick={goHome}>
          {t(done ? "letter.go_on" : "nav.back")}
        </button>
      </form>
    </main>
  );
}
