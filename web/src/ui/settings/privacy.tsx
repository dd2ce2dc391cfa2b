/** Privacy: what others see of the person, and blocked people. */
import type { FullProfile } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useValue } from "../hooks";
import { Choice, Section, Toggle } from "../kit";
import { Problem } from "../problem";
import { People, useRelations } from "../relations";

export function PrivacyPart() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const { attempt, problem } = useAttempt();
  const relations = useRelations();
  const change = (settings: Partial<FullProfile["settings"]>) =>
    void attempt(async () => {
      await engine.api.patch("/users/me", { body: { settings } });
      await engine.auth.refreshProfile();
    });
  return (
    <>
      <Problem text={problem} />
      {me && (
        <Section title={t("privacy.who")}>
          <Choice
            label={t("privacy.last_seen")}
            hint={t("privacy.mutual")}
            value={me.settings.last_seen}
            options={[
              ["everyone", t("privacy.everyone")],
              ["contacts", t("privacy.contacts")],
              ["nobody", t("privacy.nobody")],
            ]}
            onChoose={(last_seen) => change({ last_seen })}
          />
          <Toggle label={t("privacy.receipts")} on={me.settings.read_receipts} onChange={(read_receipts) => change({ read_receipts })} />
          <Toggle label={t("privacy.ai")} on={me.settings.ai_enabled} onChange={(ai_enabled) => change({ ai_enabled })} />
        </Section>
      )}
      <Section title={t("privacy.blocked")} hint={t("privacy.blocked_hint")}>
        <Problem text={relations.problem} />
        <People people={relations.people("blocked")} relations={relations} />
      </Section>
    </>
  );
}
