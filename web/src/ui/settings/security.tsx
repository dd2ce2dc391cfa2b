/** Authentication: password, authenticator app, passkeys. */
import { type FormEvent, useState } from "react";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { Done, Field, Section } from "../kit";
import { Problem } from "../problem";
import { Passkeys } from "./passkeys";
import { Authenticator } from "./totp";

export function SecurityPart() {
  return (
    <>
      <Password />
      <Authenticator />
      <Passkeys />
    </>
  );
}

function Password() {
  const t = useTranslations();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const [done, setDone] = useState("");
  function change(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const body = { current_password: String(given.get("current")), new_password: String(given.get("new")) };
    setDone("");
    void attempt(() => api.post("/auth/password/change", { body })).then((well) => {
      if (!well) return;
      form.reset();
      setDone(t("password.changed"));
    });
  }
  return (
    <Section title={t("signin.password")} hint={t("password.hint")}>
      <form className="form" onSubmit={change}>
        <Field label={t("password.current")} name="current" type="password" autoComplete="current-password" required />
        <Field label={t("password.new")} name="new" type="password" autoComplete="new-password" minLength={10} maxLength={128} required />
        <Problem text={problem} />
        <Done text={done} />
        <p className="row">
          <button className="primary">{t("password.change")}</button>
        </p>
      </form>
    </Section>
  );
}
