/** The list of conversations, with previews and unread counts. */
import type { Conversation, Message } from "../engine";
import { type Translate, useLanguage } from "../i18n";
import { messageText, timeOf, useEngine, useValue } from "./hooks";
import { plainOf } from "./markup";
import { useTitle } from "./people";

export function ConversationList({ selected, onOpen }: { selected: string | null; onOpen: (id: string) => void }) {
  const { t } = useLanguage();
  const { items, loaded } = useValue(useEngine().conversations.list);
  if (loaded && items.length === 0) return <p className="empty">{t("nav.none")}</p>;
  return (
    <ul className="list">
      {items
        .filter((each) => !each.archived)
        .map((each) => (
          <li key={each.id}>
            <Entry conversation={each} current={each.id === selected} onOpen={() => onOpen(each.id)} />
          </li>
        ))}
    </ul>
  );
}

function Entry({ conversation, current, onOpen }: { conversation: Conversation; current: boolean; onOpen: () => void }) {
  const { t, locale } = useLanguage();
  const title = useTitle(conversation);
  const { endToEnd } = useEngine();
  const { unread_count: unread } = conversation;
  const last = conversation.last_message && endToEnd.shown(conversation.last_message, conversation.id);
  return (
    <button className="entry" aria-current={current} onClick={onOpen}>
      <span className="avatar" aria-hidden>
        {[...title][0]}
      </span>
      <span className="grow">
        <span className="row">
          <strong className="grow cut" dir="auto">
            {title}
          </strong>
          {last && <time dateTime={last.created_at}>{timeOf(last.created_at, locale)}</time>}
        </span>
        <span className="row">
          <span className="grow cut preview" dir="auto">
            {last?.type === "system" ? <em>{last.text}</em> : last && preview(last, t)}
          </span>
          {unread > 0 && (
            <span className={conversation.unread_mentions > 0 ? "badge mention" : "badge"} aria-label={t("unread", { count: unread })}>
              {unread}
            </span>
          )}
        </span>
      </span>
    </button>
  );
}

function preview(message: Message, t: Translate): string {
  if (message.deleted_at) return t("message.deleted");
  const text = messageText(message, t);
  if (text) return plainOf(text);
  const kind = { poll: t("message.poll"), call: t("message.call"), file: t("message.file"), encrypted: t("message.encrypted") };
  return kind[message.type as keyof typeof kind] ?? "";
}
