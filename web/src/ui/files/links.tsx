/** Links to a file for people without an account, optionally with a password, an expiry and a limit of downloads. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLanguage } from "../../i18n";
import { errorText, localInput, momentOf, useAttempt, useEngine } from "../hooks";
import { Done, Field, Sure } from "../kit";
import { Problem } from "../problem";

/** The URL of this client's page for a link, which asks for the password; the API's own URL returns JSON. */
const pageOf = (token: string) => `${location.href.replace(/[?#].*$/, "")}#/links/${encodeURIComponent(token)}`;

export function Links({ fileId }: { fileId: string }) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const [made, setMade] = useState("");
  const [copied, setCopied] = useState("");
  const { attempt, problem } = useAttempt();
  const path = { file_id: fileId };
  const key = ["links", fileId];
  const { data, error } = useQuery({ queryKey: key, queryFn: () => api.get("/drive/files/{file_id}/links", { path }) });
  function make(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const [password, until, most] = ["password", "until", "most"].map((name) => String(given.get(name)));
    const body = {
      ...(password ? { password } : {}),
      ...(until ? { expires_at: new Date(until).toISOString() } : {}),
      ...(most ? { max_downloads: Number(most) } : {}),
    };
    setCopied("");
    void attempt(async () => {
      setMade(pageOf((await api.post("/drive/files/{file_id}/links", { path, body })).token));
      form.reset();
      await queries.invalidateQueries({ queryKey: key });
    });
  }
  const end = async (link_id: string) => {
    await api.delete("/drive/files/{file_id}/links/{link_id}", { path: { ...path, link_id } });
    await queries.invalidateQueries({ queryKey: key });
  };
  return (
    <>
      <ul className="rows">
        {data?.items.map((each) => (
          <li key={each.id} className="row">
            <span className="grow">
              {t("invite.uses", { uses: each.downloads, most: each.max_downloads ?? "∞" })}
              {each.has_password && ` · ${t("signin.password")}`}
              {each.expires_at && ` · ${t("invite.until", { when: momentOf(each.expires_at, locale) })}`}
            </span>
            <Sure label={t("invite.revoke")} text={t("drive.link_end")} onSure={() => end(each.id)} />
          </li>
        ))}
      </ul>
      <form className="form" onSubmit={make}>
        <Field label={t("drive.link_password")} name="password" type="password" autoComplete="new-password" maxLength={128} />
        <Field label={t("drive.link_until")} name="until" type="datetime-local" min={localInput(new Date())} />
        <Field label={t("drive.link_most")} name="most" type="number" min={1} />
        <Problem text={problem || (error ? errorText(error, t) : "")} />
        <p className="row">
          <button className="primary">{t("invite.make")}</button>
        </p>
      </form>
      {made && (
        <>
          <Field label={t("invite.link")} hint={t("invite.once")} value={made} readOnly dir="ltr" onFocus={(event) => event.target.select()} />
          <p className="row">
            <button onClick={() => void attempt(() => navigator.clipboard.writeText(made)).then((well) => well && setCopied(t("invite.copied")))}>{t("invite.copy")}</button>
            <Done text={copied} />
          </p>
        </>
      )}
    </>
  );
}
