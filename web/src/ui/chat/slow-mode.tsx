/** Slow mode: counts down the seconds until the person may send again. */
import { Hourglass } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslations } from "../../i18n";
import { useMyId } from "../hooks";
import { useTimeline } from "../message-list";

export function SlowMode({ seconds, conversationId, onWait }: { seconds: number; conversationId: string; onWait: (seconds: number) => void }) {
  const t = useTranslations();
  const me = useMyId();
  const [, { items }] = useTimeline(conversationId);
  const mine = items.findLast((each) => each.message.sender_id === me && each.message.type !== "system");
  const until = mine ? Date.parse(mine.message.created_at) + seconds * 1000 : 0;
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const count = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    count();
    const timer = setInterval(count, 500);
    return () => clearInterval(timer);
  }, [until]);
  useEffect(() => onWait(left), [left, onWait]);
  return (
    <p className="hint row" role="status">
      <Hourglass aria-hidden />
      {left > 0 ? t("chat.slow_wait", { seconds: left }) : t("chat.slow_mode", { seconds })}
    </p>
  );
}
