/** The line below a conversation's title: the other person's presence, or how many members are online. */
import type { Conversation, Member, Presence } from "../../engine";
import { type Translate, useLanguage } from "../../i18n";
import { momentOf, useEngine, useValue } from "../hooks";

export function Standing({ conversation, members, me }: { conversation: Conversation; members: readonly Member[]; me: string }) {
  const { t, locale } = useLanguage();
  const all = useValue(useEngine().presence.all);
  const others = members.flatMap((each) => (each.user && each.user.id !== me ? [each.user.id] : []));
  if (conversation.type === "group") {
    const there = others.filter((each) => isOnline(all.get(each))).length;
    return (
      <p className="hint cut">
        {t("chat.members", { count: conversation.member_count })}
        {there > 0 && ` · ${t("chat.online_count", { count: there })}`}
      </p>
    );
  }
  const presence = all.get(others[0] ?? "");
  if (!presence) return null;
  return (
    <p className="hint cut" dir="auto">
      <span className={`presence ${presence.status}`} aria-hidden /> {presence.text ?? statusText(presence, t, locale)}
    </p>
  );
}

const isOnline = (presence: Presence | undefined): boolean => presence !== undefined && presence.status !== "offline" && presence.status !== "invisible";

function statusText({ status, last_seen_at }: Presence, t: Translate, locale: string): string {
  if (status === "online" || status === "away" || status === "busy") return t(`presence.${status}`);
  return last_seen_at ? t("presence.last_seen", { time: momentOf(last_seen_at, locale) }) : t("presence.offline");
}
