/** Translations, shown below their messages until they are hidden or the page is closed. */
import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import type { AiAnswer, Engine } from "../../engine";
import { type Translate, useTranslations } from "../../i18n";
import { errorText } from "../hooks";

export type TranslationState =
  | { readonly state: "asked"; readonly text: string; readonly stop: () => void }
  | { readonly state: "here"; readonly text: string; readonly answer: AiAnswer }
  | { readonly state: "refused"; readonly problem: string };

const shown = new Map<string, TranslationState>();
const listeners = new Set<() => void>();

function set(messageId: string, state: TranslationState | null): void {
  if (state) shown.set(messageId, state);
  else shown.delete(messageId);
  for (const each of listeners) each();
}

/** Requests the translation of a message; the message's row shows the text as it arrives, or the error. */
export async function translate(engine: Engine, messageId: string, target_language: string, t: Translate): Promise<void> {
  const stopping = new AbortController();
  const asked = (text: string) => set(messageId, { state: "asked", text, stop: () => stopping.abort() });
  asked("");
  try {
    const answer = await engine.assistant.ask("translations", { message_id: messageId, target_language }, { signal: stopping.signal, onText: asked });
    set(messageId, { state: "here", text: String(answer.result), answer });
  } catch (error) {
    set(messageId, stopping.signal.aborted ? null : { state: "refused", problem: errorText(error, t) });
  }
}

export interface Shown {
  readonly value: TranslationState | null;
  readonly hide: () => void;
}

export function useTranslation(messageId: string): Shown {
  const value = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown.get(messageId) ?? null,
  );
  return { value, hide: () => (value?.state === "asked" ? value.stop() : set(messageId, null)) };
}

export function Translation({ translation: { value, hide } }: { translation: Shown }) {
  const t = useTranslations();
  if (!value) return null;
  return (
    <div className="translation row" role={value.state === "refused" ? "alert" : "status"}>
      <div className="grow">
        {value.state === "refused" ? (
          <p className="problem">{value.problem}</p>
        ) : (
          <>
            <p dir="auto">{value.text || t("ai.working")}</p>
            {value.state === "here" && <small>{t("ai.by", { provider: value.answer.provider, model: value.answer.model })}</small>}
          </>
        )}
      </div>
      <button className="icon" aria-label={t(value.state === "asked" ? "ai.stop" : "ai.hide")} onClick={hide}>
        <X aria-hidden />
      </button>
    </div>
  );
}
