/** The bell: the number of unread notifications. */
import { Bell } from "lucide-react";
import { useEffect } from "react";
import { useTranslations } from "../i18n";
import { useEngine, useValue } from "./hooks";
import { openScreen } from "./places";

export function BellButton() {
  const t = useTranslations();
  const engine = useEngine();
  const { unread } = useValue(engine.notifications.state);
  const { phase } = useValue(engine.status);
  useEffect(() => {
    // fetches notifications from while there was no connection; on failure the notifications screen loads again
    if (phase === "live" || phase === "polling") void engine.notifications.load().catch(() => undefined);
  }, [engine, phase]);
  return (
    <button className="icon bell" aria-label={unread > 0 ? t("bell.unread", { count: unread }) : t("bell.title")} onClick={() => openScreen("notifications")}>
      <Bell aria-hidden />
      {unread > 0 && (
        <span className="badge mention" aria-hidden>
          {unread > 99 ? "99+" : unread}
        </span>
      )}
    </button>
  );
}
