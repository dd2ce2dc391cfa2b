/** The first thing on screen: sign-in, or the application once somebody is signed in. */
import { useTranslations } from "../i18n";

export function App() {
  const t = useTranslations();
  return (
    <main className="welcome">
      <h1>{t("app.name")}</h1>
      <p>{t("app.tagline")}</p>
    </main>
  );
}
