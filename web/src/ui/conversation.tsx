/** One conversation: its messages, what others type, and where one writes. */
import { ArrowLeft, Phone, Video } from "lucide-react";
import { useState } from "react";
import type { Call, Conversation, Message } from "../engine";
import { useLanguage } from "../i18n";
import { callStore } from "./call-store";
import { Composer } from "./composer";
import { useAttempt, useEngine, useMyId, useValue } from "./hooks";
import { MessageList } from "./message-list";
import { nameOf, useMembers, useTitle } from "./people";
import { NewPoll } from "./poll";
import { Problem } from "./problem";

export function ConversationScreen({ id, onClose }: { id: string; onClose: () => void }) {
  const engine = useEngine();
  useValue(engine.conversations.list);
  const conversation = engine.conversations.of(id);
  if (!conversation) return <p className="empty">…</p>;
  return <Shown conversation={conversation} onClose={onClose} />;
}

function Shown({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const { t } = useLanguage();
  const engine = useEngine();
  const { id } = conversation;
  const title = useTitle(conversation);
  const members = useMembers(id);
  const me = useMyId();
  const [replyTo, setReplyTo] = useState<Message | null>(null);
  const [editing, setEditing] = useState<Message | null>(null);
  const [asking, setAsking] = useState(false);
  const { attempt, problem } = useAttempt();
  const typing = (useValue(engine.typing.all).get(id) ?? []).map((each) => nameOf(members, each));

  async function call(media: Call["media"]) {
    await attempt(async () => {
      const made = await engine.api.post("/conversations/{conversation_id}/calls", {
        path: { conversation_id: id },
        body: { client_id: crypto.randomUUID(), media },
      });
      engine.calls.put(made);
      await callStore.join(engine, made);
    });
  }

  return (
    <section className="page conversation">
      <header className="bar">
        <button className="icon" aria-label={t("nav.back")} onClick={onClose}>
          <ArrowLeft aria-hidden className="flip" />
        </button>
        <h2 className="grow cut" dir="auto">
          {title}
        </h2>
        <button className="icon" aria-label={t("call.audio")} onClick={() => void call("audio")}>
          <Phone aria-hidden />
        </button>
        <button className="icon" aria-label={t("call.video")} onClick={() => void call("video")}>
          <Video aria-hidden />
        </button>
      </header>
      <Problem text={problem} />
      <MessageList conversation={conversation} members={members} me={me} onReply={setReplyTo} onEdit={setEditing} />
      <p className="typing" aria-live="polite">
        {typing.length > 0 && t("typing", { names: typing.join(", ") })}
      </p>
      {asking ? (
        <NewPoll conversationId={id} onDone={() => setAsking(false)} />
      ) : (
        <Composer
          conversationId={id}
          replyTo={replyTo}
          editing={editing}
          onDone={() => {
            setReplyTo(null);
            setEditing(null);
          }}
          onPoll={() => setAsking(true)}
        />
      )}
    </section>
  );
}
