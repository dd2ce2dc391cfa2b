/** What of the outside the workspace minds: who looks at which conversation, notifications of the system, the badge. */
import { useEffect } from "react";
import { useLanguage } from "../i18n";
import { useEngine, useValue } from "./hooks";
import { type Place, go, placeOf } from "./places";
import { dismiss, keepPushTexts, renewPush } from "./push";

export function useAttention(place: Place): void {
  const engine = useEngine();
  const { t } = useLanguage();
  const { items } = useValue(engine.conversations.list);
  const shown = place.screen === "conversations" ? place.id : null;

  useEffect(() => {
    const look = () => engine.look(document.visibilityState === "visible" && document.hasFocus() ? shown : null);
    look();
    const events = ["focus", "blur"] as const;
    for (const each of events) addEventListener(each, look);
    document.addEventListener("visibilitychange", look);
    return () => {
      for (const each of events) removeEventListener(each, look);
      document.removeEventListener("visibilitychange", look);
      engine.look(null);
    };
  }, [engine, shown]);

  useEffect(() => void keepPushTexts(t), [t]);

  useEffect(() => {
    const renew = () => void renewPush(engine.api).catch(() => undefined); // the next start tries again
    const hear = ({ data, ports: [asking] }: MessageEvent<{ open?: string; renew?: boolean; look?: boolean }>) => {
      if (data.open) go(placeOf(data.open));
      if (data.renew) renew();
      if (data.look) asking?.postMessage(location.hash);
    };
    renew();
    navigator.serviceWorker?.addEventListener("message", hear);
    return () => navigator.serviceWorker?.removeEventListener("message", hear);
  }, [engine]);

  const unread = items.filter((each) => each.unread_count > 0);
  const tags = unread.map((each) => each.id).join(" ");
  const total = unread.reduce((sum, each) => sum + each.unread_count, 0);
  useEffect(() => {
    const still = new Set(tags.split(" "));
    const { list } = engine.conversations; // the engine has none any more once they have signed out
    return () => {
      // what was unread and is no more, here or on another device
      for (const each of list.get().items) {
        if (still.has(each.id) && each.unread_count === 0) void dismiss(each.id);
      }
    };
  }, [engine, tags]);
  useEffect(() => {
    document.title = total > 0 ? `(${total}) ${t("app.name")}` : t("app.name");
    if ("setAppBadge" in navigator) void (total > 0 ? navigator.setAppBadge(total) : navigator.clearAppBadge()).catch(() => undefined);
  }, [total, t]);
}
