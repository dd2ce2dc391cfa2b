/** An offer above the history to summarise many missed messages; the summary is made on request. */
import { Sparkles, X } from "lucide-react";
import { useState } from "react";
import type { Conversation } from "../../engine";
import { useTranslations } from "../../i18n";
import { useEngine, useMyId, useValue } from "../hooks";
import { AnswerView } from "./answer";
import { useStreamed } from "./streamed";

export default function CatchUp({ conversation, unread }: { conversation: Conversation; unread: number }) {
  const t = useTranslations();
  const { receipts } = useEngine();
  const me = useMyId();
  const mine = useValue(receipts.of(conversation.id)).find((each) => each.user_id === me);
  // fixed at the first render, since reading moves the marker on
  const [since, setSince] = useState<number | null>(null);
  if (since === null && mine) setSince(mine.read_seq);
  const [hidden, setHidden] = useState(false);
  const { ask, stop, ...shown } = useStreamed("summaries");
  if (hidden) return null;
  const asked = shown.busy || shown.answer !== null || shown.problem !== "";
  return (
    <aside className="catch-up" aria-label={t("ai.catch_up")}>
      <div className="row">
        <Sparkles aria-hidden />
        <strong className="grow">{t("ai.missed", { count: unread })}</strong>
        {!asked && (
          <button
            className="primary"
            onClick={() => void ask({ conversation_id: conversation.id, length: "short", ...(since === null ? { unread: true } : { after_seq: since }) })}
          >
            {t("ai.catch_up")}
          </button>
        )}
        <button className="icon" aria-label={t("ai.hide")} onClick={() => setHidden(true)}>
          <X aria-hidden />
        </button>
      </div>
      {asked && <AnswerView {...shown} onStop={stop} />}
    </aside>
  );
}
