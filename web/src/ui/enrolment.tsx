/** The screen of somebody of whom a second factor is demanded and who has none yet. */
import { I18nProvider } from "react-aria-components";
import { useLanguage } from "../i18n";
import { useEngine } from "./hooks";
import { Queries } from "./queries";
import { Passkeys } from "./settings/passkeys";
import { Authenticator } from "./settings/totp";
import { signOut } from "./sign-out";

export default function Enrolment() {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const goOn = () => void engine.auth.enrolled();
  return (
    <Queries>
      <I18nProvider locale={locale}>
        <main className="welcome">
          <h1>{t("app.name")}</h1>
          <h2>{t("enrol.title")}</h2>
          <p>{t("enrol.text")}</p>
          <div className="card">
            <Authenticator onEnrolled={goOn} />
            <Passkeys onEnrolled={goOn} />
          </div>
          <button className="quiet" onClick={() => void signOut(engine)}>
            {t("nav.sign_out")}
          </button>
        </main>
      </I18nProvider>
    </Queries>
  );
}
