/** AI help in the composer: suggested replies, and the draft rewritten in another tone. */
import { Undo2 } from "lucide-react";
import { useRef, useState } from "react";
import { useLanguage } from "../../i18n";
import { errorText, useEngine } from "../hooks";
import { Problem } from "../problem";
import type { AiHelp } from "./use-ai-help";

const TONES = ["friendly", "formal", "shorter", "clearer"] as const;

export default function AiTray({ help, text, onText, onClose }: { help: AiHelp; text: string; onText: (text: string) => void; onClose: () => void }) {
  const { t } = useLanguage();
  const { assistant } = useEngine();
  const [suggested, setSuggested] = useState<readonly string[]>([]);
  const [before, setBefore] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const running = useRef<AbortController | null>(null);
  const [busy, setBusy] = useState(false);

  async function work(doing: (signal: AbortSignal) => Promise<void>) {
    running.current?.abort();
    const stop = (running.current = new AbortController());
    setBusy(true);
    setProblem("");
    try {
      await doing(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) setProblem(errorText(error, t));
    } finally {
      if (running.current === stop) setBusy(false);
    }
  }
  const suggest = () =>
    work(async (signal) => {
      const { result } = await assistant.ask("replies", { conversation_id: help.conversationId }, { signal });
      if (typeof result === "object" && "suggestions" in result) setSuggested(result.suggestions);
    });
  const rewrite = (tone: string) =>
    work(async (signal) => {
      const { result } = await assistant.ask("rewrites", { text, tone }, { signal });
      if (typeof result !== "string") return;
      setBefore(text); // for undo
      onText(result);
    });

  return (
    <div className="ai-tray" role="group" aria-label={t("ai.help")}>
      <div className="row wrap">
        {help.allows("replies") && (
          <button disabled={busy} onClick={() => void suggest()}>
            {t("ai.suggest")}
          </button>
        )}
        {help.allows("rewrites") &&
          TONES.map((tone) => (
            <button key={tone} disabled={busy || !text.trim()} onClick={() => void rewrite(tone)}>
              {t(`ai.tone.${tone}`)}
            </button>
          ))}
        {before !== null && (
          <button
            className="row"
            onClick={() => {
              onText(before);
              setBefore(null);
            }}
          >
            <Undo2 aria-hidden className="flip" /> {t("ai.undo")}
          </button>
        )}
        {busy && <button onClick={() => running.current?.abort()}>{t("ai.stop")}</button>}
      </div>
      <p role="status" className="hint">
        {busy ? t("ai.working") : ""}
      </p>
      <Problem text={problem} />
      <ul className="row wrap plain">
        {suggested.map((each) => (
          <li key={each}>
            <button
              className="chip"
              dir="auto"
              onClick={() => {
                onText(each);
                onClose();
              }}
            >
              {each}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
