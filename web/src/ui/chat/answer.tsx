/** An answer of AI help: its text so far, the cited messages, the provider and model. */
import { useTranslations } from "../../i18n";
import type { AiAnswer } from "../../engine";
import { useAttempt } from "../hooks";
import { Problem } from "../problem";
import { showMessage } from "./jumps";

export interface AnswerViewProps {
  text: string;
  answer: AiAnswer | null;
  busy: boolean;
  problem: string;
  onStop: () => void;
}

export function AnswerView({ text, answer, busy, problem, onStop }: AnswerViewProps) {
  const t = useTranslations();
  const { attempt, problem: jumpProblem } = useAttempt();
  return (
    <div aria-live="polite" aria-busy={busy}>
      {busy && (
        <p className="row">
          <span className="grow hint">{t("ai.working")}</span>
          <button onClick={onStop}>{t("ai.stop")}</button>
        </p>
      )}
      <Problem text={problem || jumpProblem} />
      {text && (
        <p className="answer" dir="auto">
          {text}
        </p>
      )}
      {answer && (
        <>
          {answer.citations.length > 0 && (
            <ol className="plain row wrap" aria-label={t("ai.citations")}>
              {answer.citations.map((each, index) => (
                <li key={each.message_id}>
                  <button className="chip" aria-label={t("ai.citation", { number: index + 1 })} onClick={() => void attempt(() => showMessage(each.conversation_id, each.message_id))}>
                    {index + 1}
                  </button>
                </li>
              ))}
            </ol>
          )}
          <small>{t("ai.by", { provider: answer.provider, model: answer.model })}</small>
        </>
      )}
    </div>
  );
}
