/**
 * State of one question to AI help at a time: the text so far, the answer, the error. Aborted by `stop` and on unmount.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import type { AiAnswer, AiFeature, AiQuestion } from "../../engine";
import { useTranslations } from "../../i18n";
import { errorText, useEngine } from "../hooks";

export interface Streamed<F extends AiFeature> {
  readonly text: string;
  readonly answer: AiAnswer | null;
  readonly busy: boolean;
  readonly problem: string;
  readonly ask: (question: AiQuestion<F>) => Promise<void>;
  readonly stop: () => void;
}

export function useStreamed<F extends AiFeature>(feature: F): Streamed<F> {
  const t = useTranslations();
  const { assistant } = useEngine();
  const running = useRef<AbortController | null>(null);
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState<AiAnswer | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const stop = useCallback(() => running.current?.abort(), []);
  useEffect(() => stop, [stop]);
  const ask = useCallback(
    async (question: AiQuestion<F>) => {
      running.current?.abort();
      const mine = (running.current = new AbortController());
      setText("");
      setAnswer(null);
      setProblem("");
      setBusy(true);
      try {
        const given = await assistant.ask(feature, question, { signal: mine.signal, onText: setText });
        setAnswer(given);
        if (typeof given.result === "string") setText(given.result);
      } catch (error) {
        if (!mine.signal.aborted) setProblem(errorText(error, t));
      } finally {
        if (running.current === mine) setBusy(false);
      }
    },
    [assistant, feature, t],
  );
  return { text, answer, busy, problem, ask, stop };
}
