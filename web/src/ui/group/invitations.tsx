/** Invitation links of a group. A new link is shown only once, as text and QR code, since the server keeps no copy. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLanguage } from "../../i18n";
import { momentOf, useAttempt, useEngine } from "../hooks";
import { Choice, Done, Field, More, Section, Sure, usePages } from "../kit";
import { Problem } from "../problem";
import { QrCode } from "../qr";
import type { PartProps } from "./index";

export function Invitations({ conversation }: PartProps) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const [url, setUrl] = useState("");
  const [copied, setCopied] = useState("");
  const [approval, setApproval] = useState(false);
  const { attempt, problem } = useAttempt();
  const path = { conversation_id: conversation.id };
  const key = ["invitations", conversation.id];
  const invitations = usePages(key, (query) => api.get("/conversations/{conversation_id}/invitations", { path, query }));

  function make(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const uses = Number(given.get("max_uses")) || null;
    const body = {
      expires_in: Number(given.get("expires_in")),
      needs_approval: approval,
      ...(approval || uses === null ? {} : { max_uses: uses }),
    };
    setCopied("");
    void attempt(async () => {
      setUrl((await api.post("/conversations/{conversation_id}/invitations", { path, body })).url);
      await queries.invalidateQueries({ queryKey: key });
    });
  }
  const revoke = async (invitation_id: string) => {
    await api.delete("/conversations/{conversation_id}/invitations/{invitation_id}", { path: { ...path, invitation_id } });
    await queries.invalidateQueries({ queryKey: key });
  };
  const states = { open: t("invite.open"), expired: t("invite.expired"), used_up: t("invite.used_up"), revoked: t("invite.revoked") };

  return (
    <>
      <Section title={t("invite.new")}>
        <form className="form" onSubmit={make}>
          <Choice
            label={t("invite.lasts")}
            name="expires_in"
            defaultValue="604800"
            options={[
              ["3600", t("group.hour")],
              ["86400", t("group.day")],
              ["604800", t("group.week")],
              ["2592000", t("group.month")],
            ]}
          />
          <label className="row">
            <input type="checkbox" checked={approval} onChange={(event) => setApproval(event.target.checked)} /> {t("invite.approval")}
          </label>
          {!approval && <Field label={t("invite.max_uses")} hint={t("invite.max_uses_hint")} name="max_uses" type="number" min={1} max={1000} />}
          <Problem text={problem} />
          <p className="row">
            <button className="primary">{t("invite.make")}</button>
          </p>
        </form>
        {url && (
          <>
            <QrCode text={url} label={t("invite.qr")} />
            <Field label={t("invite.link")} hint={t("invite.once")} value={url} readOnly dir="ltr" onFocus={(event) => event.target.select()} />
            <p className="row">
              <button onClick={() => void attempt(() => navigator.clipboard.writeText(url)).then((well) => well && setCopied(t("invite.copied")))}>{t("invite.copy")}</button>
              <Done text={copied} />
            </p>
          </>
        )}
      </Section>
      <Section title={t("group.invitations")}>
        <ul className="rows">
          {invitations.items.map((each) => (
            <li key={each.id} className="row">
              <span className="grow">
                {states[each.state]} · {t("invite.uses", { uses: each.uses, most: each.max_uses ?? "∞" })}
                {each.needs_approval && ` · ${t("invite.approved")}`}
                <br />
                <small>{t("invite.until", { when: momentOf(each.expires_at, locale) })}</small>
              </span>
              {each.state === "open" && <Sure label={t("invite.revoke")} text={t("invite.revoke_text")} onSure={() => revoke(each.id)} />}
            </li>
          ))}
        </ul>
        <More of={invitations} />
      </Section>
    </>
  );
}
