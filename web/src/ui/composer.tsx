/**
 * The composer: Enter sends; files are added by button, drop or paste. A text is a draft from the first letter on:
 * stored on this device at once and on the person's other devices a moment later.
 */
import { BarChart3, CalendarClock, Mic, Paperclip, SendHorizontal, Sparkles, X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, Suspense, lazy, useCallback, useEffect, useRef, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "../i18n";
import { useChat } from "./chat/context";
import { FileTray, useTray } from "./chat/file-tray";
import { MentionList, useMentions } from "./chat/mentions";
import { SlowMode } from "./chat/slow-mode";
import { useAiHelp } from "./chat/use-ai-help";
import { KeysHint } from "./chat/key-notice";
import { FileInput } from "./file-input";
import { errorText, quotedText, useEngine, useValue } from "./hooks";
import { Problem } from "./problem";

const Recorder = lazy(() => import("./chat/recorder"));
const SendLater = lazy(() => import("./chat/send-later"));
const AiTray = lazy(() => import("./chat/ai-tray"));

export interface ComposerProps {
  /** The root message of the thread, if this composer is in one. */
  threadRoot?: string;
  onPoll?: () => void;
  autoFocus?: boolean;
  onSent?: () => void;
}

export function Composer({ threadRoot, onPoll, autoFocus = false, onSent }: ComposerProps) {
  const t = useTranslations();
  const engine = useEngine();
  const { conversation, admin } = useChat();
  const { id, settings } = conversation;
  const unsent = useValue(engine.drafts.of(id, threadRoot));
  const edit = useValue(engine.drafts.editOf(id, threadRoot));
  const editing = edit.replyTo;
  const [problem, setProblem] = useState("");
  const [open, setOpen] = useState<"nothing" | "voice" | "later" | "ai">("nothing");
  const [wait, setWait] = useState(0);
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const { encrypted } = settings;
  const keys = useValue(engine.endToEnd.of(id));
  const tray = useTray(id, threadRoot === undefined);
  const ai = useAiHelp(conversation);
  const text = editing ? edit.text : unsent.text;

  const write = useCallback(
    (written: string, replyTo = unsent.replyTo) => {
      if (editing) engine.drafts.writeEdit(id, editing, written, threadRoot);
      else engine.drafts.write(id, written, { replyTo, threadRoot });
    },
    [editing, engine, id, threadRoot, unsent.replyTo],
  );
  const mentions = useMentions(box, text, write);

  const endEdit = () => engine.drafts.writeEdit(id, null, "", threadRoot);

  useEffect(() => {
    if (editing || unsent.replyTo || problem) box.current?.focus();
  }, [editing, unsent.replyTo, problem]);

  /** The fields of the message; null if there is nothing to send yet. */
  function fields() {
    const written = text.trim();
    if (tray.busy || (!written && tray.files.length === 0)) return null; // sending waits for uploads
    return {
      ...(written ? { text: written } : {}),
      ...(tray.files.length > 0 ? { attachment_ids: tray.files.map((each) => each.id) } : {}),
      ...(unsent.replyTo ? { reply_to: unsent.replyTo } : {}),
      ...(threadRoot ? { thread_root: threadRoot } : {}),
    };
  }
  function clear() {
    engine.drafts.write(id, "", { threadRoot });
    tray.clear();
    engine.typing.stopped(id);
    onSent?.();
  }
  async function send() {
    setProblem("");
    try {
      if (editing) {
        if (!text.trim()) return;
        await engine.commands.editMessage(id, editing, text.trim());
        endEdit();
        return;
      }
      const body = fields();
      if (!body || wait > 0) return;
      if (encrypted) await engine.endToEnd.nameFiles(tray.uploads);
      await engine.outbox.send(id, body);
      clear();
    } catch (error) {
      setProblem(errorText(error, t));
    }
  }

  const onPaste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0 || threadRoot !== undefined) return;
    event.preventDefault();
    tray.add(event.clipboardData.files);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (mentions.pressed(event) || event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void send();
    }
    if (event.key !== "Escape" || (!editing && !unsent.replyTo)) return;
    event.preventDefault();
    if (editing) endEdit();
    else write(text, null);
  };

  if (encrypted && keys.phase !== "ready" && keys.phase !== "opening") return <KeysHint conversationId={id} phase={keys.phase} />;
  if (settings.who_can_send === "admins" && !admin) return <p className="composer hint">{t("composer.admins_only")}</p>;
  if (open === "voice") {
    return (
      <Suspense>
        <Recorder
          conversationId={id}
          replyTo={unsent.replyTo}
          onDone={() => setOpen("nothing")}
          onFailed={(text) => {
            setProblem(text);
            setOpen("nothing");
          }}
        />
      </Suspense>
    );
  }
  return (
    <div className="composer">
      {editing ? (
        <Reference label={t("composer.editing")} messageId={editing} onCancel={endEdit} />
      ) : (
        unsent.replyTo && <Reference label={t("composer.replying")} messageId={unsent.replyTo} onCancel={() => write(text, null)} />
      )}
      {threadRoot === undefined && <FileTray tray={tray} />}
      <Problem text={problem} />
      {settings.slow_mode_seconds > 0 && !admin && <SlowMode seconds={settings.slow_mode_seconds} conversationId={id} onWait={setWait} />}
      {open === "ai" && (
        <Suspense>
          <AiTray help={ai} text={text} onText={write} onClose={() => setOpen("nothing")} />
        </Suspense>
      )}
      <MentionList mentions={mentions} />
      <div className="row">
        {threadRoot === undefined && !editing && (
          <>
            <button className="icon" aria-label={t("composer.attach")} onClick={() => picker.current?.click()}>
              <Paperclip aria-hidden />
            </button>
            <FileInput ref={picker} multiple hidden onFiles={tray.add} />
            {onPoll && (settings.who_can_create_polls === "all" || admin) && (
              <button className="icon" aria-label={t("composer.poll")} onClick={onPoll}>
                <BarChart3 aria-hidden />
              </button>
            )}
          </>
        )}
        {ai.on && (
          <button className="icon" aria-label={t("ai.help")} aria-expanded={open === "ai"} onClick={() => setOpen(open === "ai" ? "nothing" : "ai")}>
            <Sparkles aria-hidden />
          </button>
        )}
        <textarea
          ref={box}
          className="grow"
          rows={1}
          autoFocus={autoFocus}
          dir="auto"
          value={text}
          maxLength={10_000}
          aria-label={t(threadRoot ? "chat.write_in_thread" : "composer.write")}
          placeholder={t(threadRoot ? "chat.write_in_thread" : "composer.write")}
          {...mentions.box}
          onChange={(event) => {
            write(event.target.value);
            if (!editing) engine.typing.typed(id);
          }}
          onFocus={({ target }) => {
            if (target.selectionEnd === 0) target.setSelectionRange(text.length, text.length); // the caret goes behind a restored draft
          }}
          onSelect={mentions.look}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        {!editing && !threadRoot && !encrypted && (text.trim() || tray.files.length > 0) && (
          <button className="icon" aria-label={t("later.title")} disabled={tray.busy} onClick={() => setOpen("later")}>
            <CalendarClock aria-hidden />
          </button>
        )}
        {!editing && !threadRoot && !text.trim() && tray.files.length === 0 && (
          <button
            className="icon"
            aria-label={t("voice.record")}
            onClick={() => {
              setProblem("");
              setOpen("voice");
            }}
          >
            <Mic aria-hidden />
          </button>
        )}
        <button
          className="icon primary"
          aria-label={t(editing ? "chat.save_edit" : "composer.send")}
          disabled={tray.busy || (wait > 0 && !editing)}
          onClick={() => void send()}
        >
          <SendHorizontal aria-hidden className="flip" />
        </button>
      </div>
      {open === "later" && (
        <Suspense>
          <SendLater
            conversationId={id}
            fields={fields() ?? {}}
            onDone={(scheduled) => {
              if (scheduled) clear();
              setOpen("nothing");
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

/** The message that is being edited or replied to, with a button to cancel. */
function Reference({ label, messageId, onCancel }: { label: string; messageId: string; onCancel: () => void }) {
  const t = useTranslations();
  const { api, endToEnd } = useEngine();
  const { conversation } = useChat();
  const { data: found } = useQuery({
    queryKey: ["message", conversation.id, messageId],
    queryFn: () =>
      api.get("/conversations/{conversation_id}/messages/{message_id}", { path: { conversation_id: conversation.id, message_id: messageId } }),
  });
  const data = found && endToEnd.shown(found, conversation.id);
  return (
    <p className="row about">
      <span className="grow cut" dir="auto">
        {label} {data && quotedText(data, t)}
      </span>
      <button className="icon" aria-label={t("nav.cancel")} onClick={onCancel}>
        <X aria-hidden />
      </button>
    </p>
  );
}
