/** Notices about encryption keys at the composer: changed devices, and why writing is not possible. */
import { KeyRound, X } from "lucide-react";
import type { ConversationKeys, Member } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useMyId, useValue } from "../hooks";
import { nameOf } from "../people";
import { openConversation } from "../places";
import { Problem } from "../problem";

export function KeyNotice({ conversationId, members }: { conversationId: string; members: readonly Member[] }) {
  const t = useTranslations();
  const { endToEnd } = useEngine();
  const me = useMyId();
  const { changes } = useValue(endToEnd.of(conversationId));
  const { attempt, problem } = useAttempt();
  if (changes.length === 0) return null;
  const people = [...new Set(changes.map(({ userId }) => userId))];
  const names = people.map((each) => (each === me ? t("e2e.you") : nameOf(members, each))).join(", ");
  return (
    <div role="status" className="row notice">
      <KeyRound aria-hidden />
      <span className="grow">{t("e2e.changed", { names })}</span>
      <Problem text={problem} />
      <button onClick={() => openConversation(conversationId, { panel: "encryption" })}>{t("e2e.compare")}</button>
      <button className="icon" aria-label={t("e2e.dismiss")} onClick={() => void attempt(() => endToEnd.dismissChanges(conversationId))}>
        <X aria-hidden />
      </button>
    </div>
  );
}

/** Replaces the composer while this device cannot send encrypted messages. */
export function KeysHint({ conversationId, phase }: { conversationId: string; phase: Exclude<ConversationKeys["phase"], "ready" | "opening"> }) {
  const t = useTranslations();
  const { endToEnd } = useEngine();
  const { attempt, problem } = useAttempt();
  return (
    <div className="composer">
      <p role={phase === "broken" ? "alert" : "status"} className={phase === "broken" ? "problem" : "hint"}>
        {t(`e2e.${phase}`)}
      </p>
      {phase === "waiting" && (
        <button className="quiet" onClick={() => void attempt(() => endToEnd.begin(conversationId))}>
          {t("e2e.try")}
        </button>
      )}
      <Problem text={problem} />
    </div>
  );
}
