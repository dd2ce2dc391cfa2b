/**
 * AI help in a conversation: the person's and the conversation's consent, and questions whose answers cite messages.
 */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslations } from "../../i18n";
import { errorText, useAttempt, useEngine } from "../hooks";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";
import { AnswerView } from "./answer";
import { useStreamed } from "./streamed";

export default function AskPanel({ conversation, onClose }: PanelProps) {
  const t = useTranslations();
  const engine = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const [everywhere, setEverywhere] = useState(false);
  const { data: settings, error } = useQuery({ queryKey: ["ai-settings"], queryFn: () => engine.api.get("/ai/settings") });
  const { ask, stop, ...shown } = useStreamed("answers");
  const summary = useStreamed("summaries");
  const here = conversation.settings.ai_enabled;
  const admin = conversation.type === "direct" || conversation.role !== "member";
  const { encrypted } = conversation.settings;

  const switchMine = (enabled: boolean) =>
    attempt(async () => queries.setQueryData(["ai-settings"], await engine.api.put("/ai/settings", { body: { enabled } })));
  const switchHere = (ai_enabled: boolean) =>
    attempt(async () =>
      engine.conversations.put(
        await engine.api.patch("/conversations/{conversation_id}", { path: { conversation_id: conversation.id }, body: { settings: { ai_enabled } } }),
      ),
    );
  const asked = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const question = String(new FormData(event.currentTarget).get("question")).trim();
    void ask({ question, ...(everywhere ? {} : { conversation_id: conversation.id }) });
  };

  return (
    <Panel title={t("ai.help")} onClose={onClose}>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      {encrypted ? (
        <p>{t("error.encrypted")}</p>
      ) : (
        <fieldset className="form">
          <legend>{t("ai.consent")}</legend>
          <Consent label={t("ai.for_me")} given={settings?.enabled ?? false} mayChange={settings !== undefined} onChange={switchMine} />
          <Consent label={t("ai.for_conversation")} given={here} mayChange={admin} onChange={switchHere} />
          {!admin && <small>{t("ai.admins_decide")}</small>}
          {settings && (
            <small>
              {t(settings.leaves_account ? "ai.leaves" : "ai.stays", { provider: settings.provider })}{" "}
              {t("ai.used", { used: settings.budget.used_tokens, all: settings.budget.tokens_per_day })}
            </small>
          )}
        </fieldset>
      )}
      {settings?.enabled && here && !encrypted && (
        <>
          <form className="form" onSubmit={asked}>
            <label className="field">
              <span>{t("ai.question")}</span>
              <textarea name="question" required maxLength={1000} rows={2} dir="auto" />
            </label>
            <label>
              <input type="checkbox" checked={everywhere} onChange={(event) => setEverywhere(event.target.checked)} /> {t("ai.everywhere")}
            </label>
            <button className="primary" disabled={shown.busy}>
              {t("ai.ask")}
            </button>
          </form>
          <AnswerView {...shown} onStop={stop} />
          <button disabled={summary.busy} onClick={() => void summary.ask({ conversation_id: conversation.id, after_seq: 0, length: "long" })}>
            {t("ai.summarise")}
          </button>
          <AnswerView text={summary.text} answer={summary.answer} busy={summary.busy} problem={summary.problem} onStop={summary.stop} />
        </>
      )}
    </Panel>
  );
}

interface ConsentProps {
  label: string;
  given: boolean;
  mayChange: boolean;
  onChange: (given: boolean) => Promise<unknown>;
}

/** A checkbox that changes optimistically, and back if the change is refused. */
function Consent({ label, given, mayChange, onChange }: ConsentProps) {
  const [wanted, setWanted] = useState<boolean | null>(null);
  return (
    <label>
      <input
        type="checkbox"
        checked={wanted ?? given}
        disabled={!mayChange || wanted !== null}
        onChange={(event) => {
          setWanted(event.target.checked);
          void onChange(event.target.checked).finally(() => setWanted(null));
        }}
      />{" "}
      {label}
    </label>
  );
}
