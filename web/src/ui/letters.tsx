/**
 * Screens of the links in e-mails, whether signed in or not: `#/verify?token=…`, `#/reset?token=…`, `#/disown?token=…`;
 * and `#/forgot`, which requests an e-mail to reset the password.
 */
import { type FormEvent, useState } from "react";
import { type TextKey, useTranslations } from "../i18n";
import { ADDRESS_FIELD, asciiAddress } from "./address";
import { useAttempt, useEngine } from "./hooks";
import { go, goHome, questionOf } from "./places";
import { Problem } from "./problem";

const TITLES: Record<string, TextKey> = { verify: "letter.verify", reset: "letter.reset", disown: "letter.disown" };

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
      } else if (name === "disown") {
        await api.post("/auth/sessions/disown", { body: { token } });
        setDone(t("letter.was_disowned"));
      } else {
        await api.post("/auth/password/forgot", { body: { email: asciiAddress(text("email").trim()) } });
        setDone(t("letter.sent"));
      }
    });
  };
  const title = t(TITLES[name] ?? "letter.forgot");
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
                <input name="email" {...ADDRESS_FIELD} required autoFocus />
              </label>
            )}
            {name === "disown" && <p>{t("letter.about_disowning")}</p>}
            <Problem text={problem} />
            <button className="primary">{name === "forgot" ? t("letter.send") : title}</button>
          </>
        )}
        {name === "disown" && done && (
          <button type="button" className="primary" onClick={() => go({ screen: "screen", name: "forgot" })}>
            {t("letter.reset")}
          </button>
        )}
        <button type="button" className="quiet" onClick={goHome}>
          {t(done ? "letter.go_on" : "nav.back")}
        </button>
      </form>
    </main>
  );
}
