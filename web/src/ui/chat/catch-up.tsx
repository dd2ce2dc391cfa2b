/** An offer above the history to summarise many missed messages; the summary is made on request. */
import { Sparkles, X } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "../../i18n";
import { AnswerView } from "./answer";
import { useStreamed } from "./streamed";

export default function CatchUp({ conversationId, unread, firstUnread }: { conversationId: string; unread: number; firstUnread: number }) {
  const t = useTranslations();
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
            onClick={() => void ask({ conversation_id: conversationId, length: "short", after_seq: firstUnread - 1 })}
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
