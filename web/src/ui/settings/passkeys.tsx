/** The person's passkeys: listing, adding and removing them. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLanguage } from "../../i18n";
import { dateOf, useAttempt, useEngine } from "../hooks";
import { Done, Field, More, Section, Sure, usePages } from "../kit";
import { createPasskey, whyNoPasskeys } from "../passkey";
import { Problem } from "../problem";
import { useStepUp } from "../step-up";

export function Passkeys({ onEnrolled }: { onEnrolled?: () => void }) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const passkeys = usePages(["passkeys"], (query) => api.get("/auth/passkeys", { query }));
  const { attempt, problem } = useAttempt();
  const { run, dialog } = useStepUp();
  const [done, setDone] = useState("");
  const why = whyNoPasskeys();
  const refresh = () => queries.invalidateQueries({ queryKey: ["passkeys"] });

  function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const name = String(new FormData(form).get("name")).trim();
    setDone("");
    void attempt(() =>
      run(async (password) => {
        const { registration_id, options } = await api.post("/auth/passkeys/registrations", { body: password ? { password } : {} });
        const credential = await createPasskey(options);
        await api.post("/auth/passkeys", { body: { registration_id, credential, name } });
        form.reset();
        setDone(t("passkey.added", { name }));
        await refresh();
        onEnrolled?.();
      }),
    );
  }
  const remove = (passkey_id: string) =>
    run(async (password) => {
      await api.delete("/auth/passkeys/{passkey_id}", { path: { passkey_id }, body: password ? { password } : {} });
      await refresh();
    });

  return (
    <Section title={t("passkey.title")} hint={t("passkey.hint")}>
      <ul className="rows">
        {passkeys.items.map((each) => (
          <li key={each.id} className="row">
            <span className="grow">
              <strong dir="auto">{each.name}</strong>
              <br />
              <small>
                {t("passkey.since", { day: dateOf(each.created_at, locale) })}
                {each.last_used_at && ` · ${t("passkey.used", { day: dateOf(each.last_used_at, locale) })}`}
              </small>
            </span>
            <Sure label={t("passkey.remove")} ariaLabel={t("passkey.remove_named", { name: each.name })} text={t("passkey.remove_text")} onSure={() => remove(each.id)} />
          </li>
        ))}
      </ul>
      <More of={passkeys} />
      {why ? (
        <p className="hint">{t(why === "address" ? "passkey.address" : "passkey.browser")}</p>
      ) : (
        <form className="form" onSubmit={add}>
          <Field label={t("passkey.name")} name="name" required maxLength={100} placeholder={t("passkey.example")} />
          <p className="row">
            <button className="primary">{t("passkey.add")}</button>
          </p>
        </form>
      )}
      <Problem text={problem} />
      <Done text={done} />
      {dialog}
    </Section>
  );
}
