/** Privacy: what others see of the person, and blocked people. */
import { useQueryClient } from "@tanstack/react-query";
import type { FullProfile } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useValue } from "../hooks";
import { Choice, More, Section, Toggle, usePages } from "../kit";
import { Problem } from "../problem";

export function PrivacyPart() {
  const t = useTranslations();
  const engine = useEngine();
  const queries = useQueryClient();
  const me = useValue(engine.auth.me);
  const { attempt, problem } = useAttempt();
  const blocks = usePages(["blocks"], (query) => engine.api.get("/users/me/blocks", { query }));
  const change = (settings: Partial<FullProfile["settings"]>) =>
    void attempt(async () => {
      await engine.api.patch("/users/me", { body: { settings } });
      await engine.auth.refreshProfile();
    });
  const unblock = (user_id: string) =>
    void attempt(async () => {
      await engine.api.delete("/users/me/blocks/{user_id}", { path: { user_id } });
      await queries.invalidateQueries({ queryKey: ["blocks"] });
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
        <ul className="rows">
          {blocks.items.map((each) => (
            <li key={each.id} className="row">
              <span className="grow cut" dir="auto">
                {each.display_name} <small>@{each.username}</small>
              </span>
              <button aria-label={t("privacy.unblock_named", { name: each.display_name })} onClick={() => unblock(each.id)}>
                {t("privacy.unblock")}
              </button>
            </li>
          ))}
        </ul>
        <More of={blocks} />
      </Section>
    </>
  );
}
