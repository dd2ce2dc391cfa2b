/** The list of notifications, newest first; a press opens what a notification is about. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Notification } from "../engine";
import { type TextKey, type Translate, useLanguage } from "../i18n";
import { momentOf, useAttempt, useEngine, useValue } from "./hooks";
import { Waiting } from "./kit";
import { Page, type ScreenProps } from "./panels";
import { openConversation, openScreen } from "./places";
import { Problem } from "./problem";

export default function Notifications({ onClose }: ScreenProps) {
  const { t } = useLanguage();
  const engine = useEngine();
  const { items, unread, loaded, more } = useValue(engine.notifications.state);
  const { attempt, problem } = useAttempt();
  useEffect(() => void attempt(() => engine.notifications.load()), [engine]);
  const newest = items[0];
  return (
    <Page
      title={t("bell.title")}
      onClose={onClose}
      actions={
        unread > 0 &&
        newest && <button onClick={() => void attempt(() => engine.notifications.markRead(newest.id))}>{t("bell.read_all")}</button>
      }
    >
      <Problem text={problem} />
      <Waiting for={{ loaded, problem }} />
      {loaded && items.length === 0 && <p className="empty">{t("bell.none")}</p>}
      <ul className="rows">
        {items.map((each) => (
          <Entry key={each.id} notice={each} onRead={() => void attempt(() => engine.notifications.markRead(each.id))} />
        ))}
      </ul>
      {more && <button onClick={() => void attempt(() => engine.notifications.loadMore())}>{t("list.more")}</button>}
    </Page>
  );
}

function Entry({ notice, onRead }: { notice: Notification; onRead: () => void }) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const actor = notice.actor_id ?? null;
  const { data: who } = useQuery({
    queryKey: ["user", actor],
    enabled: actor !== null,
    queryFn: () => api.get("/users/{user_id}", { path: { user_id: actor ?? "" } }),
  });
  const open = () => {
    if (!notice.read) onRead();
    openTarget(notice);
  };
  return (
    <li>
      <div className="row">
        <button className={notice.read ? "entry grow" : "entry grow unread"} onClick={open}>
          <span className="grow">
            <span dir="auto">{textOf(notice, who?.display_name ?? t("bell.somebody"), t)}</span>
            {!notice.read && <span className="dot" role="img" aria-label={t("bell.new")} />}
            <br />
            <time dateTime={notice.at}>{momentOf(notice.at, locale)}</time>
          </span>
        </button>
        {notice.kind === "contact_request" && actor !== null && !notice.read && (
          <button className="primary" onClick={() => void attempt(() => api.post("/contacts/{user_id}/accept", { path: { user_id: actor } })).then((well) => well && onRead())}>
            {t("bell.accept")}
          </button>
        )}
      </div>
      <Problem text={problem} />
    </li>
  );
}

const SECURITY: Readonly<Record<string, TextKey>> = {
  new_sign_in: "notice.new_sign_in",
  too_many_sessions: "notice.too_many_sessions",
  refresh_reused: "notice.refresh_reused",
  totp_enabled: "notice.totp_enabled",
  totp_disabled: "notice.totp_disabled",
  passkey_added: "notice.passkey_added",
  passkey_removed: "notice.passkey_removed",
  passkey_copied: "notice.passkey_copied",
};

function textOf({ kind, reference }: Notification, name: string, t: Translate): string {
  if (kind === "security") return t(SECURITY[String(reference?.reason)] ?? "notice.security");
  return t(`notice.${kind}`, { name });
}

/** Opens the place that a notification is about. */
function openTarget({ kind, conversation_id, message_id }: Notification): void {
  if (kind === "security") openScreen("settings", "security");
  else if (kind === "contact_request") openScreen("contacts");
  else if (kind === "file_shared") openScreen("drive");
  else if (!conversation_id) return;
  else if (kind === "join_request") openConversation(conversation_id, { panel: "group", detail: "requests" });
  else if (kind === "report") openConversation(conversation_id, { panel: "group", detail: "reports" });
  else openConversation(conversation_id, message_id ? { message: message_id } : {});
}
