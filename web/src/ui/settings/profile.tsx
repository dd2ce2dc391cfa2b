/** The profile that others see: name, description, picture. */
import { type FormEvent, useRef, useState } from "react";
import { useTranslations } from "../../i18n";
import { FileInput } from "../file-input";
import { useAttempt, useEngine, useValue } from "../hooks";
import { Area, Done, Field, Section } from "../kit";
import { Problem } from "../problem";
import { Username } from "../username";

export function ProfilePart() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const picker = useRef<HTMLInputElement>(null);
  const { attempt, problem } = useAttempt();
  const [done, setDone] = useState("");
  if (!me) return <p className="empty">…</p>;

  const change = (doing: () => Promise<unknown>, said: string) => {
    setDone("");
    void attempt(async () => {
      await doing();
      await engine.auth.refreshProfile();
    }).then((well) => well && setDone(said));
  };
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const bio = String(given.get("bio")).trim();
    const body = { display_name: String(given.get("display_name")).trim(), bio: bio || null };
    change(() => engine.api.patch("/users/me", { body }), t("settings.saved"));
  };
  const picture = (file: File) =>
    change(async () => {
      const { id } = await engine.uploads.start(file);
      await engine.api.patch("/users/me", { body: { avatar_file_id: id } });
    }, t("profile.picture_set"));

  return (
    <>
      <Section title={t("profile.picture")} hint={t("profile.picture_hint")}>
        <div className="row">
          {me.avatar_url ? <img className="avatar large" src={me.avatar_url} alt={t("profile.picture")} /> : <span className="avatar large" aria-hidden>{[...me.display_name][0]}</span>}
          <button onClick={() => picker.current?.click()}>{t("profile.choose_picture")}</button>
          {me.avatar_url && (
            <button className="quiet" onClick={() => change(() => engine.api.patch("/users/me", { body: { avatar_file_id: null } }), t("settings.saved"))}>
              {t("profile.remove_picture")}
            </button>
          )}
          <FileInput
            ref={picker}
            hidden
            aria-label={t("profile.choose_picture")}
            accept="image/png,image/jpeg,image/webp,image/gif"
            onFiles={([file]) => picture(file)}
          />
        </div>
      </Section>
      <Section title={t("profile.about")}>
        <form className="form" key={me.id} onSubmit={save}>
          <Field label={t("signin.display_name")} name="display_name" defaultValue={me.display_name} maxLength={100} required dir="auto" />
          <Area label={t("profile.bio")} name="bio" defaultValue={me.bio ?? ""} maxLength={500} dir="auto" />
          <p className="row">
            <button className="primary">{t("settings.save")}</button>
          </p>
        </form>
      </Section>
      <Problem text={problem} />
      <Done text={done} />
      <Section title={t("profile.fixed")}>
        <dl className="facts">
          <dt>{t("signin.username")}</dt>
          <dd><Username of={me} /></dd>
          <dt>{t("signin.email")}</dt>
          <dd>
            {me.email} {me.email_verified ? t("profile.verified") : <Unverified />}
          </dd>
        </dl>
      </Section>
    </>
  );
}

function Unverified() {
  const t = useTranslations();
  const { api } = useEngine();
  const [sent, setSent] = useState(false);
  const { attempt, problem } = useAttempt();
  if (sent) return <Done text={t("profile.letter_sent")} />;
  return (
    <>
      {t("profile.unverified")}{" "}
      <button onClick={() => void attempt(() => api.post("/auth/email/resend", {})).then(setSent)}>{t("profile.send_letter")}</button>
      <Problem text={problem} />
    </>
  );
}
