/** One message: its text, files and poll, its reactions, and its actions. */
import { Check, CheckCheck, Clock3, CornerUpRight, Ellipsis, MessagesSquare, Pencil, Pin, Reply, RotateCcw, Timer, Trash2 } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, memo, useRef, useState } from "react";
import { type Message, type TimelineItem, isInTheClear } from "../engine";
import { useLanguage } from "../i18n";
import { Attachments } from "./attachments";
import { useChat } from "./chat/context";
import { Translation, useTranslation } from "./chat/translation";
import { VoiceNote, isVoice } from "./chat/voice-note";
import { dayOf, momentOf, quotedText, timeOf, useAttempt, useChanges, useEngine } from "./hooks";
import { Markup } from "./markup";
import { PollCard } from "./poll";
import { Problem } from "./problem";

export const QUICK = ["👍", "❤️", "😂", "🎉"];

/** Whether its sender can edit the text: that of a poll, a voice message or an unreadable one they cannot. */
export const isEditable = (message: Message): boolean =>
  message.type === "text" || (message.type === "encrypted" && message.text !== null && !message.poll && !isVoice(message));

export interface MessageRowProps {
  item: TimelineItem;
  /** The message's time if it is the first of its day, else null. */
  day: string | null;
  beginsUnread: boolean;
  /** Whether the previous message is from the same person. */
  follows: boolean;
  replied: Message | null;
  readBy: number;
  marked: boolean;
}

/** A person's name; fetched if they are no longer a member. */
export function Name({ userId }: { userId: string }) {
  const { names } = useChat();
  const { api } = useEngine();
  const known = names.get(userId);
  const { data } = useQuery({
    queryKey: ["user", userId],
    enabled: known === undefined && userId !== "",
    staleTime: Infinity,
    retryOnMount: false, // virtualised rows mount often: a person who is not found must not be fetched each time
    queryFn: () => api.get("/users/{user_id}", { path: { user_id: userId } }),
  });
  return <>{known ?? data?.display_name ?? "…"}</>;
}

export const MessageRow = memo(function MessageRow({ item, day, beginsUnread, ...rest }: MessageRowProps) {
  const { t, locale } = useLanguage();
  const { message } = item;
  return (
    <>
      {day && <h3 className="day">{dayOf(day, locale)}</h3>}
      {beginsUnread && (
        <p className="unread-line" role="separator">
          <span>{t("chat.unread_from_here")}</span>
        </p>
      )}
      {message.type === "system" ? <p className="system">{message.text}</p> : <Bubble item={item} {...rest} />}
    </>
  );
});

export function Bubble({ item, follows, replied, readBy, marked }: Omit<MessageRowProps, "day" | "beginsUnread">) {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const chat = useChat();
  const { attempt, problem } = useAttempt();
  const [active, setActive] = useState(false);
  const article = useRef<HTMLElement>(null);
  const translation = useTranslation(item.message.id);
  const { state } = item;
  const message = state === "sent" ? engine.endToEnd.shown(item.message, chat.conversation.id) : item.message;
  const sealed = item.sealed ?? (isInTheClear(message) ? "plain" : undefined);
  const own = message.sender_id === chat.me;
  const actionable = state === "sent" && !message.deleted_at;
  const classes = ["message", own && "own", marked && "marked", follows && "follows"].filter(Boolean).join(" ");

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== article.current || !actionable || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === "ContextMenu") chat.menu(message, article.current);
    else if (event.key === "r") chat.reply(message);
    else if (event.key === "e" && own && isEditable(message)) chat.edit(message);
    else return;
    event.preventDefault();
  };

  return (
    <article
      ref={article}
      tabIndex={-1}
      className={classes}
      aria-label={`${chat.names.get(message.sender_id) ?? "…"}, ${timeOf(message.created_at, locale)}`}
      onPointerEnter={() => setActive(true)}
      onPointerLeave={() => setActive(false)}
      onFocus={() => setActive(true)}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setActive(false)}
      onContextMenu={(event) => {
        if (!actionable || getSelection()?.toString()) return; // keeps the browser's menu for copying a selection
        event.preventDefault();
        chat.menu(message, event.currentTarget);
      }}
      onKeyDown={onKeyDown}
    >
      {chat.group && !own && !follows && (
        <header dir="auto">
          <Name userId={message.sender_id} />
        </header>
      )}
      {message.forwarded_from && (
        <p className="hint row">
          <CornerUpRight aria-hidden className="flip" />
          <span>
            {t("chat.forwarded_from")} <Name userId={message.forwarded_from.sender_id} />, {momentOf(message.forwarded_from.sent_at, locale)}
          </span>
        </p>
      )}
      {message.reply_to && <Quote reply={message} messageId={message.reply_to} known={replied} />}
      {message.thread_root && (
        <button className="quiet hint row" onClick={() => chat.thread(message.thread_root ?? "")}>
          <MessagesSquare aria-hidden /> {t("chat.in_thread")}
        </button>
      )}
      {message.deleted_at ? <p className="gone">{t(message.expires_at ? "chat.expired" : "message.deleted")}</p> : <Body message={message} sealed={sealed} />}
      {actionable && <Translation translation={translation} />}
      <footer>
        {message.pinned && <Pin role="img" aria-label={t("chat.pinned")} />}
        {actionable && message.expires_at && (
          <span className="row" title={momentOf(message.expires_at, locale)}>
            <Timer role="img" aria-label={t("chat.disappears_at", { time: momentOf(message.expires_at, locale) })} />
          </span>
        )}
        <time dateTime={message.created_at}>{timeOf(message.created_at, locale)}</time>
        {message.edited_at && !message.deleted_at && <span>{t("message.edited")}</span>}
        {state === "pending" && <Clock3 role="img" aria-label={t("message.pending")} /> /* same size as the tick that replaces it */}
        {actionable && own && (readBy > 0 ? <CheckCheck role="img" className="read" aria-label={t("chat.read_by", { count: readBy })} /> : <Check role="img" aria-label={t("chat.sent")} />)}
        {state === "failed" && (
          <span className="problem" role="alert">
            {t("message.failed")} {item.error && t("chat.reason", { reason: item.error })}
            <button className="icon" aria-label={t("message.retry")} onClick={() => void engine.outbox.retry(message.client_id)}>
              <RotateCcw aria-hidden />
            </button>
            <button className="icon" aria-label={t("message.discard")} onClick={() => void engine.outbox.discard(message.client_id)}>
              <Trash2 aria-hidden />
            </button>
          </span>
        )}
      </footer>
      {actionable && <Reactions message={message} />}
      {actionable && message.thread_count > 0 && (
        <button className="quiet thread-link" onClick={() => chat.thread(message.id)}>
          <MessagesSquare aria-hidden /> {t("chat.replies", { count: message.thread_count })}
        </button>
      )}
      <Problem text={problem} />
      {actionable && active && (
        <div className="actions" role="group" aria-label={t("message.actions")}>
          {(sealed ? [] : QUICK).map((emoji) => (
            <button key={emoji} aria-label={t("message.react", { emoji })} onClick={() => void attempt(() => engine.commands.react(message.conversation_id, message.id, emoji))}>
              {emoji}
            </button>
          ))}
          <button aria-label={t("message.reply")} onClick={() => chat.reply(message)}>
            <Reply aria-hidden className="flip" />
          </button>
          {own && isEditable(message) && (
            <button aria-label={t("message.edit")} onClick={() => chat.edit(message)}>
              <Pencil aria-hidden />
            </button>
          )}
          <button aria-label={t("chat.more")} aria-haspopup="menu" onClick={(event) => chat.menu(message, event.currentTarget)}>
            <Ellipsis aria-hidden />
          </button>
        </div>
      )}
    </article>
  );
}

function Body({ message, sealed }: { message: Message; sealed: TimelineItem["sealed"] }) {
  const { t } = useLanguage();
  return (
    <>
      {message.text && !message.poll && <Markup text={message.text} />}
      {message.type === "encrypted" && message.text === null && <p className="gone">{t(sealed === "plain" ? "e2e.plain" : sealed === "unreadable" ? "e2e.unreadable" : "message.encrypted")}</p>}
      {message.type === "call" && <p className="gone">{t("message.call")}</p>}
      {isVoice(message) ? <VoiceNote message={message} /> : <Attachments files={message.attachments} />}
      {message.poll && <PollCard poll={message.poll} />}
    </>
  );
}

/** A preview of the replied message; a press jumps to it. */
function Quote({ reply, messageId, known }: { reply: Message; messageId: string; known: Message | null }) {
  const { t } = useLanguage();
  const { conversation, jump } = useChat();
  const { api, endToEnd } = useEngine();
  const { data } = useQuery({
    queryKey: ["message", conversation.id, messageId],
    enabled: known === null,
    queryFn: () =>
      api.get("/conversations/{conversation_id}/messages/{message_id}", { path: { conversation_id: conversation.id, message_id: messageId } }),
  });
  const found = known ?? data;
  const message = found && endToEnd.quoted(reply, found);
  return (
    <button className="quote cut" dir="auto" onClick={() => jump(messageId)}>
      {message ? (
        <>
          {message.sender_id && <Name userId={message.sender_id} />}: {message.deleted_at ? t("message.deleted") : (quotedText(message, t) ?? "…")}
        </>
      ) : (
        "…"
      )}
    </button>
  );
}

export function Reactions({ message }: { message: Message }) {
  const { commands } = useEngine();
  const { t } = useLanguage();
  const { inOrder, problem } = useChanges();
  if (message.reactions.length === 0) return null;
  return (
    <div className="reactions">
      {message.reactions.map(({ emoji, count, mine }) => (
        <button
          key={emoji}
          aria-pressed={mine}
          aria-label={t("message.react", { emoji: `${emoji} ${count}` })}
          onClick={() => void inOrder(() => commands.react(message.conversation_id, message.id, emoji, { remove: mine }))}
        >
          {emoji} {count}
        </button>
      ))}
      <Problem text={problem} />
    </div>
  );
}
