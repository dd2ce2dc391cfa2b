/** One message: what it says, its files and poll, who reacted, and what one may do with it. */
import { Pencil, Reply, RotateCcw, Trash2 } from "lucide-react";
import type { Member, Message, TimelineItem } from "../engine";
import { useLanguage } from "../i18n";
import { timeOf, useEngine } from "./hooks";
import { Attachments } from "./attachments";
import { Markup } from "./markup";
import { nameOf } from "./people";
import { PollCard } from "./poll";

const QUICK = ["👍", "❤️", "😂", "🎉"];

export interface MessageRowProps {
  item: TimelineItem;
  members: readonly Member[];
  me: string;
  group: boolean;
  follows: boolean;
  replied: Message | null;
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

export function MessageRow({ item, members, me, group, follows, replied, onReply, onEdit }: MessageRowProps) {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const { message, state } = item;
  const own = message.sender_id === me;
  const sender = nameOf(members, message.sender_id);
  if (message.type === "system") return <p className="system">{message.text}</p>;
  return (
    <article className={own ? "message own" : "message"} aria-label={`${sender}, ${timeOf(message.created_at, locale)}`}>
      {group && !own && !follows && <header dir="auto">{sender}</header>}
      {replied && (
        <blockquote dir="auto" className="cut">
          {nameOf(members, replied.sender_id)}: {replied.text ?? t("message.deleted")}
        </blockquote>
      )}
      {message.deleted_at ? (
        <p className="gone">{t("message.deleted")}</p>
      ) : (
        <>
          {message.text && !message.poll && <Markup text={message.text} />}
          {message.type === "encrypted" && <p className="gone">{t("message.encrypted")}</p>}
          {message.type === "call" && <p className="gone">{t("message.call")}</p>}
          <Attachments files={message.attachments} />
          {message.poll && <PollCard poll={message.poll} />}
        </>
      )}
      <footer>
        <time dateTime={message.created_at}>{timeOf(message.created_at, locale)}</time>
        {message.edited_at && <span>{t("message.edited")}</span>}
        {state === "pending" && <span>{t("message.pending")}</span>}
        {state === "failed" && (
          <span className="problem" role="alert">
            {t("message.failed")}
            <button className="icon" aria-label={t("message.retry")} onClick={() => void engine.outbox.retry(message.client_id)}>
              <RotateCcw aria-hidden />
            </button>
            <button className="icon" aria-label={t("message.discard")} onClick={() => void engine.outbox.discard(message.client_id)}>
              <Trash2 aria-hidden />
            </button>
          </span>
        )}
      </footer>
      {state === "sent" && !message.deleted_at && <Reactions message={message} />}
      {state === "sent" && !message.deleted_at && (
        <div className="actions" role="group" aria-label={t("message.actions")}>
          {QUICK.map((emoji) => (
            <button key={emoji} aria-label={t("message.react", { emoji })} onClick={() => void engine.commands.react(message.conversation_id, message.id, emoji)}>
              {emoji}
            </button>
          ))}
          <button aria-label={t("message.reply")} onClick={() => onReply(message)}>
            <Reply aria-hidden />
          </button>
          {own && message.type === "text" && (
            <button aria-label={t("message.edit")} onClick={() => onEdit(message)}>
              <Pencil aria-hidden />
            </button>
          )}
          {own && (
            <button aria-label={t("message.delete")} onClick={() => void engine.commands.deleteMessage(message.conversation_id, message.id)}>
              <Trash2 aria-hidden />
            </button>
          )}
        </div>
      )}
    </article>
  );
}

function Reactions({ message }: { message: Message }) {
  const { commands } = useEngine();
  const { t } = useLanguage();
  if (message.reactions.length === 0) return null;
  return (
    <div className="reactions">
      {message.reactions.map(({ emoji, count, mine }) => (
        <button
          key={emoji}
          aria-pressed={mine}
          aria-label={t("message.react", { emoji })}
          onClick={() => void commands.react(message.conversation_id, message.id, emoji, { remove: mine })}
        >
          {emoji} {count}
        </button>
      ))}
    </div>
  );
}
