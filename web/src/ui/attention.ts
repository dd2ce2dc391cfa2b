/** Keeps the engine and the system informed: the focused conversation, shown notifications, the unread badge. */
import { useEffect } from "react";
import { useLanguage } from "../i18n";
import { useEngine, useValue } from "./hooks";
import { type Place, go, placeOf } from "./places";
import { dismiss, keepEncrypted, keepPushTexts, renewPush } from "./push";

export function useAttention(place: Place): void {
  const engine = useEngine();
  const { t } = useLanguage();
  const { items } = useValue(engine.conversations.list);
  const shown = place.screen === "conversations" ? place.id : null;

  useEffect(() => {
    const updateFocus = () => engine.look(document.visibilityState === "visible" && document.hasFocus() ? shown : null);
    updateFocus();
    const events = ["focus", "blur"] as const;
    for (const each of events) addEventListener(each, updateFocus);
    document.addEventListener("visibilitychange", updateFocus);
    return () => {
      for (const each of events) removeEventListener(each, updateFocus);
      document.removeEventListener("visibilitychange", updateFocus);
      engine.look(null);
    };
  }, [engine, shown]);

  useEffect(() => void keepPushTexts(t), [t]);
  const encrypted = items.filter((each) => each.settings.encrypted).map((each) => each.id).sort().join(" ");
  useEffect(() => {
    if (encrypted && !engine.keepsNothing) void keepEncrypted(encrypted.split(" "));
  }, [engine, encrypted]);

  useEffect(() => {
    const renew = () => {
      // a subscription that is here is of whoever keeps data in this browser
      if (!engine.keepsNothing) void renewPush(engine.api).catch(() => undefined); // the next start tries again
    };
    const onMessage = ({ data, ports: [asking] }: MessageEvent<{ open?: string; renew?: boolean; look?: boolean }>) => {
      if (data.open) go(placeOf(data.open));
      if (data.renew) renew();
      if (data.look) asking?.postMessage(location.hash);
    };
    renew();
    navigator.serviceWorker?.addEventListener("message", onMessage);
    return () => navigator.serviceWorker?.removeEventListener("message", onMessage);
  }, [engine]);

  const unread = items.filter((each) => each.unread_count > 0);
  const tags = unread.map((each) => each.id).join(" ");
  const total = unread.reduce((sum, each) => sum + each.unread_count, 0);
  useEffect(() => {
    const wereUnread = new Set(tags.split(" "));
    const { list } = engine.conversations; // read now, since after sign-out the cleanup could not read it from the engine
    return () => {
      // conversations that have been read since, on this or another device
      for (const each of list.get().items) {
        if (wereUnread.has(each.id) && each.unread_count === 0) void dismiss(each.id);
      }
    };
  }, [engine, tags]);
  useEffect(() => {
    document.title = total > 0 ? `(${total}) ${t("app.name")}` : t("app.name");
    if ("setAppBadge" in navigator) void (total > 0 ? navigator.setAppBadge(total) : navigator.clearAppBadge()).catch(() => undefined);
  }, [total, t]);
}
