/** Backup of decrypted messages on the server, encrypted with a passphrase, for the person's next device. */
import { type FormEvent, useState } from "react";
import { ApiError, EncryptionError } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { Done, Field, Section } from "../kit";
import { Problem } from "../problem";

const MIN_LENGTH = 10;

export function Backup() {
  const t = useTranslations();
  const { endToEnd } = useEngine();
  const { attempt, problem } = useAttempt();
  const [done, setDone] = useState("");
  const [busy, setBusy] = useState(false);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const wanted = (event.nativeEvent as SubmitEvent).submitter?.getAttribute("value");
    const passphrase = String(new FormData(form).get("passphrase"));
    setDone("");
    setBusy(true);
    void attempt(async () => {
      const work = wanted === "restore" ? restored(passphrase) : endToEnd.backUp(passphrase).then((count) => t("backup.kept", { count }));
      setDone(await work);
      form.reset();
    }).finally(() => setBusy(false));
  }

  async function restored(passphrase: string): Promise<string> {
    try {
      return t("backup.read", { count: await endToEnd.restore(passphrase) });
    } catch (error) {
      if (error instanceof EncryptionError) return t("backup.wrong");
      if (error instanceof ApiError && error.status === 404) return t("backup.none");
      throw error;
    }
  }

  return (
    <Section title={t("backup.title")} hint={t("backup.hint")}>
      <form className="form" onSubmit={submit}>
        <Field label={t("backup.passphrase")} name="passphrase" type="password" autoComplete="off" minLength={MIN_LENGTH} required />
        <Problem text={problem} />
        <Done text={done} />
        <p className="row">
          <button disabled={busy} value="back_up">{t("backup.keep")}</button>
          <button disabled={busy} className="quiet" value="restore">{t("backup.restore")}</button>
        </p>
      </form>
    </Section>
  );
}
