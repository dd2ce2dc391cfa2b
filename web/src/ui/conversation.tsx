/** One conversation: its header, messages, typing indicator and composer. */
import { ArrowLeft, LockKeyhole, Phone, Search, Timer, Video } from "lucide-react";
import { Suspense, lazy, useEffect, useState } from "react";
import type { Call, Conversation } from "../engine";
import { useLanguage, useTranslations } from "../i18n";
import { CallGoingOn } from "./call/going-on";
import { callStore } from "./call/store";
import "./chat/chat.css";
import { useFileDrop, useTray } from "./chat/file-tray";
import { useFirstUnread } from "./chat/first-unread";
import { jumpIn } from "./chat/jumps";
import { KeyNotice } from "./chat/key-notice";
import { ChatProvider } from "./chat/provider";
import { Standing } from "./chat/standing";
import { useAiHelp } from "./chat/use-ai-help";
import { Composer } from "./composer";
import { durationOf, useAttempt, useEngine, useMyId, useValue } from "./hooks";
import { MessageList } from "./message-list";
import { DetailsButton, NothingHere } from "./panels";
import { nameOf, useMembers, useTitle } from "./people";
import { openConversation, usePlace } from "./places";
import { NewPoll } from "./poll";
import { Problem } from "./problem";

const ConversationMenu = lazy(() => import("./chat/conversation-menu"));
const CatchUp = lazy(() => import("./chat/catch-up"));
/** From this many unread messages on, a summary is offered. */
const MIN_UNREAD_FOR_SUMMARY = 5;

export function ConversationScreen({ id, onClose }: { id: string; onClose: () => void }) {
  const engine = useEngine();
  const t = useTranslations();
  const { loaded } = useValue(engine.conversations.list);
  const conversation = engine.conversations.of(id);
  if (!conversation) return loaded ? <NothingHere text={t("nav.not_here")} /> : <p className="empty">…</p>;
  return <Loaded conversation={conversation} onClose={onClose} />;
}

function Loaded({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const { t } = useLanguage();
  const engine = useEngine();
  const { id } = conversation;
  const title = useTitle(conversation);
  const members = useMembers(id);
  const me = useMyId();
  const place = usePlace();
  const [asking, setAsking] = useState<boolean>();
  const [unreadAtFirst] = useState(conversation.unread_count);
  const firstUnread = useFirstUnread(id, unreadAtFirst);
  const { attempt, problem } = useAttempt();
  const { zone, hint } = useFileDrop(useTray(id, true).add);
  const ai = useAiHelp(conversation);
  const typing = (useValue(engine.typing.all).get(id) ?? []).map((each) => nameOf(members, each));
  useEffect(() => {
    const others = members.flatMap((each) => (each.user && each.user.id !== me ? [each.user.id] : []));
    return engine.presence.watch(others.slice(0, 50));
  }, [engine, members, me]);

  const call = (media: Call["media"]) => attempt(() => callStore.start(engine, id, media));
  const { disappearing_seconds: disappearing, encrypted } = conversation.settings;

  return (
    <ChatProvider conversation={conversation}>
      <section className="page" {...zone}>
        <header className="bar">
          <button className="icon" aria-label={t("nav.back")} onClick={onClose}>
            <ArrowLeft aria-hidden className="flip" />
          </button>
          <div className="grow">
            <h2 className="cut" dir="auto">
              {title}
            </h2>
            <Standing conversation={conversation} members={members} me={me} />
          </div>
          {encrypted && (
            <button className="icon" aria-label={t("e2e.title")} onClick={() => openConversation(id, { panel: "encryption" })}>
              <LockKeyhole aria-hidden />
            </button>
          )}
          {disappearing !== null && <DisappearingTimer seconds={disappearing} />}
          <button className="icon" aria-label={t("call.audio")} onClick={() => void call("audio")}>
            <Phone aria-hidden />
          </button>
          <button className="icon" aria-label={t("call.video")} onClick={() => void call("video")}>
            <Video aria-hidden />
          </button>
          <DetailsButton id={id} />
          <button className="icon" aria-label={t("search.title")} onClick={() => openConversation(id, { panel: "search" })}>
            <Search aria-hidden />
          </button>
          <Suspense fallback={<span className="icon-room" />}>
            <ConversationMenu conversation={conversation} />
          </Suspense>
        </header>
        <CallGoingOn conversationId={id} />
        <Problem text={problem} />
        {ai.allows("summaries") && firstUnread && unreadAtFirst >= MIN_UNREAD_FOR_SUMMARY && (
          <Suspense>
            <CatchUp conversationId={id} unread={unreadAtFirst} firstUnread={firstUnread} />
          </Suspense>
        )}
        <MessageList firstUnread={firstUnread} message={place.screen === "conversations" && place.id === id ? place.message : undefined} />
        {encrypted && <KeyNotice conversationId={id} members={members} />}
        <p className="typing" aria-live="polite">
          {typing.length > 0 && t("typing", { names: typing.join(", "), count: typing.length })}
        </p>
        {asking ? (
          <NewPoll conversationId={id} onDone={() => setAsking(false)} />
        ) : (
          <Composer
            autoFocus={asking === false} // the form has taken the focus with it
            onPoll={() => setAsking(true)}
            onSent={() => void jumpIn(id, "end")}
          />
        )}
        {hint}
      </section>
    </ChatProvider>
  );
}

function DisappearingTimer({ seconds }: { seconds: number }) {
  const { t, locale } = useLanguage();
  const time = durationOf(seconds, locale);
  return (
    <span className="hint row" title={t("chat.disappear_after", { time })}>
      <Timer role="img" aria-label={t("chat.disappear_after", { time })} /> {time}
    </span>
  );
}
