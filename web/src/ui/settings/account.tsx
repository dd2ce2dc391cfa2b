/** Exports of a person's data, and the deletion of the account. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLanguage, useTranslations } from "../../i18n";
import { Sheet } from "../sheet";
import { sizeOf } from "../attachments";
import { FormEnd } from "../form-end";
import { errorText, momentOf, useAttempt, useEngine, useValue } from "../hooks";
import { Field, Section } from "../kit";
import { Problem } from "../problem";
import { useStepUp } from "../step-up";

const LOOK_AGAIN_MS = 3_000;

export function AccountPart() {
  return (
    <>
      <Exports />
      <Erasure />
    </>
  );
}

function Exports() {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const { run, dialog } = useStepUp();
  const { data, error } = useQuery({
    queryKey: ["exports"],
    queryFn: () => api.get("/users/me/exports", { query: { limit: 10 } }),
    refetchInterval: ({ state }) => (state.data?.items.some((each) => each.status === "running") ? LOOK_AGAIN_MS : false),
  });
  const begin = () =>
    attempt(() =>
      run(async (password) => {
        await api.post("/users/me/exports", { body: password ? { password } : {} });
        await queries.invalidateQueries({ queryKey: ["exports"] });
      }),
    );
  /** The export's URL is short-lived, so it is fetched only at a press. */
  const fetch = (export_id: string) =>
    attempt(async () => {
      const { url } = await api.get("/users/me/exports/{export_id}", { path: { export_id } });
      if (url) location.assign(url);
    });
  const state = { running: t("export.running"), ready: t("export.ready"), failed: t("export.failed"), expired: t("export.expired") };
  return (
    <Section title={t("export.title")} hint={t("export.hint")}>
      <ul className="rows">
        {data?.items.map((each) => (
          <li key={each.id} className="row">
            <span className="grow">
              {momentOf(each.created_at, locale)} · <span role="status">{state[each.status]}</span>
              {each.size !== null && <small> {sizeOf(each.size, locale)}</small>}
            </span>
            {each.status === "ready" && <button onClick={() => void fetch(each.id)}>{t("export.download")}</button>}
          </li>
        ))}
      </ul>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      <p className="row">
        <button onClick={() => void begin()}>{t("export.begin")}</button>
      </p>
      {dialog}
    </Section>
  );
}

function Erasure() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const [asking, setAsking] = useState(false);
  const { attempt, problem } = useAttempt();
  function erase(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password"));
    void attempt(() => engine.api.delete("/users/me", { body: { password } }));
  }
  return (
    <Section title={t("erase.title")} hint={t("erase.hint")}>
      <p className="row">
        <button className="danger" onClick={() => setAsking(true)}>
          {t("erase.begin")}
        </button>
      </p>
      {asking && (
        <Sheet title={t("erase.sure")} onClose={() => setAsking(false)}>
          <form className="form" onSubmit={erase}>
            <p>{t("erase.text", { name: me?.username ?? "" })}</p>
            <Field label={t("signin.password")} name="password" type="password" autoComplete="current-password" required autoFocus />
            <Problem text={problem} />
            <FormEnd go={t("erase.go")} danger onCancel={() => setAsking(false)} />
          </form>
        </Sheet>
      )}
    </Section>
  );
}
