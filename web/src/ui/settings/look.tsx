/** Language and theme. */
import { useState } from "react";
import { LOCALES, type Locale, useLanguage } from "../../i18n";
import { type Theme, chooseLocale, chooseTheme, chosenTheme } from "../../preferences";
import { useAttempt, useEngine } from "../hooks";
import { Choice, Section } from "../kit";
import { Problem } from "../problem";

export function LookPart() {
  const { t, language: current } = useLanguage();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const [theme, setTheme] = useState(chosenTheme);
  const language = (chosen: Locale) =>
    void attempt(async () => {
      await chooseLocale(chosen);
      await api.patch("/users/me", { body: { locale: chosen } }); // also for e-mails and pushes
    });
  return (
    <Section title={t("settings.look")}>
      <Choice
        label={t("look.language")}
        value={current}
        options={Object.entries(LOCALES) as [Locale, string][]}
        onChoose={language}
      />
      <Choice<Theme>
        label={t("look.theme")}
        value={theme}
        options={[
          ["system", t("look.system")],
          ["light", t("look.light")],
          ["dark", t("look.dark")],
        ]}
        onChoose={(chosen) => {
          chooseTheme(chosen);
          setTheme(chosen);
        }}
      />
      <Problem text={problem} />
    </Section>
  );
}
