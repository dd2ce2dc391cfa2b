/** The authenticator app (TOTP): its secret as a QR code, recovery codes that are shown once, and its removal. */
import { type FormEvent, useState } from "react";
import { useTranslations } from "../../i18n";
import { FormEnd } from "../form-end";
import { useAttempt, useEngine } from "../hooks";
import { Done, Field, Section } from "../kit";
import { Problem } from "../problem";
import { QrCode } from "../qr";

interface Enrolment {
  readonly secret: string;
  readonly otpauth_uri: string;
  readonly recovery_codes: readonly string[];
}
type Step = "closed" | "password" | "remove" | Enrolment;

/** `onEnrolled`: the first factor is demanded, so there is none to remove. */
export function Authenticator({ onEnrolled }: { onEnrolled?: () => void }) {
  const t = useTranslations();
  const { api } = useEngine();
  const [step, setStep] = useState<Step>("closed");
  const [done, setDone] = useState("");
  const { attempt, problem } = useAttempt();
  const text = (event: FormEvent<HTMLFormElement>, name: string) => {
    event.preventDefault();
    return String(new FormData(event.currentTarget).get(name)).trim();
  };

  const begin = (event: FormEvent<HTMLFormElement>) => {
    const password = text(event, "password");
    void attempt(async () => setStep(await api.post("/auth/totp", { body: { password } })));
  };
  const confirm = (event: FormEvent<HTMLFormElement>) => {
    const code = text(event, "code");
    void attempt(async () => {
      await api.post("/auth/totp/confirm", { body: { code } });
      if (onEnrolled) return onEnrolled(); // the codes stay until the next screen is there
      setStep("closed");
      setDone(t("totp.on"));
    });
  };
  const remove = (event: FormEvent<HTMLFormElement>) => {
    const body = { password: text(event, "password"), code: text(event, "code") };
    void attempt(async () => {
      await api.delete("/auth/totp", { body });
      setStep("closed");
      setDone(t("totp.off"));
    });
  };

  return (
    <Section title={t("totp.title")} hint={t("totp.hint")}>
      <Problem text={problem} />
      <Done text={done} />
      {step === "closed" && (
        <p className="row">
          <button onClick={() => setStep("password")}>{t("totp.set_up")}</button>
          {!onEnrolled && (
            <button className="quiet" onClick={() => setStep("remove")}>
              {t("totp.remove")}
            </button>
          )}
        </p>
      )}
      {step === "password" && (
        <form className="form" onSubmit={begin}>
          <Field label={t("signin.password")} name="password" type="password" autoComplete="current-password" required autoFocus />
          <FormEnd go={t("totp.next")} onCancel={() => setStep("closed")} />
        </form>
      )}
      {typeof step === "object" && (
        <>
          <p>{t("totp.scan")}</p>
          <QrCode text={step.otpauth_uri} label={t("totp.qr")} />
          <p>
            {t("totp.by_hand")} <code>{step.secret}</code>
          </p>
          <p id="recovery-codes">{t("totp.recovery")}</p>
          <ul className="codes" aria-labelledby="recovery-codes">
            {step.recovery_codes.map((each) => (
              <li key={each}>
                <code>{each}</code>
              </li>
            ))}
          </ul>
          <form className="form" onSubmit={confirm}>
            <Field label={t("totp.code")} name="code" inputMode="numeric" autoComplete="one-time-code" required />
            <FormEnd go={t("totp.confirm")} onCancel={() => setStep("closed")} />
          </form>
        </>
      )}
      {step === "remove" && (
        <form className="form" onSubmit={remove}>
          <Field label={t("signin.password")} name="password" type="password" autoComplete="current-password" required autoFocus />
          <Field label={t("signin.code")} name="code" autoComplete="one-time-code" required />
          <FormEnd go={t("totp.remove")} onCancel={() => setStep("closed")} />
        </form>
      )}
    </Section>
  );
}
