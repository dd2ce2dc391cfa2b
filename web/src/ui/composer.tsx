/** Where one writes: Enter sends, files come by button, drop or paste. What is typed is kept until it was stored. */
import { BarChart3, Paperclip, SendHorizontal, X } from "lucide-react";
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { DriveFile, Message } from "../engine";
import { useTranslations } from "../i18n";
import { told, useEngine, useValue } from "./hooks";
import { Problem } from "./problem";

/** What was typed in each conversation and not sent yet; it outlives a change of the screen. */
const unsent = new Map<string, string>();

export interface ComposerProps {
  conversationId: string;
  replyTo: Message | null;
  editing: Message | null;
  onDone: () => void;
  onPoll: () => void;
}

export function Composer({ conversationId, replyTo, editing, onDone, onPoll }: ComposerProps) {
  const t = useTranslations();
  const engine = useEngine();
  const [text, setText] = useState(() => unsent.get(conversationId) ?? "");
  const [files, setFiles] = useState<readonly DriveFile[]>([]);
  const [problem, setProblem] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const uploads = useValue(engine.uploads.items).filter(
    (each) => each.conversationId === conversationId && ["hashing", "uploading", "processing"].includes(each.state),
  );
  useEffect(() => {
    if (editing) setText(editing.text ?? "");
    box.current?.focus();
  }, [editing, replyTo]);
  useEffect(() => void unsent.set(conversationId, editing ? "" : text), [conversationId, editing, text]);

  async function send() {
    const written = text.trim();
    if (uploads.length > 0 || (!written && files.length === 0)) return; // a file on its way goes with the message
    setProblem("");
    try {
      if (editing) await engine.commands.editMessage(conversationId, editing.id, written);
      else {
        await engine.outbox.send(conversationId, {
          ...(written ? { text: written } : {}),
          ...(files.length > 0 ? { attachment_ids: files.map((each) => each.id) } : {}),
          ...(replyTo ? { reply_to: replyTo.id } : {}),
        });
      }
      setText("");
      setFiles([]);
      engine.typing.stopped(conversationId);
      onDone();
    } catch (error) {
      setProblem(told(error, t));
    }
  }

  async function attach(given: Iterable<File>) {
    for (const file of given) {
      try {
        const ready = await engine.uploads.start(file, { conversationId });
        setFiles((before) => [...before, ready]);
      } catch (error) {
        setProblem(`${file.name}: ${told(error, t)}`);
      }
    }
  }

  const dropped = (event: DragEvent) => {
    event.preventDefault();
    void attach(event.dataTransfer.files);
  };
  const pasted = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length > 0) void attach(event.clipboardData.files);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      void send();
    }
    if (event.key === "Escape") onDone();
  };

  return (
    <div className="composer" onDrop={dropped} onDragOver={(event) => event.preventDefault()}>
      {(replyTo ?? editing) && (
        <p className="row about">
          <span className="grow cut" dir="auto">
            {t(editing ? "composer.editing" : "composer.replying")} {(replyTo ?? editing)?.text}
          </span>
          <button className="icon" aria-label={t("nav.cancel")} onClick={onDone}>
            <X aria-hidden />
          </button>
        </p>
      )}
      {uploads.map((each) => (
        <p key={each.clientId} className="row">
          <span className="grow cut">{each.name}</span>
          <progress max={each.size || 1} value={each.sentBytes} aria-label={each.name} />
          <button className="icon" aria-label={t("nav.cancel")} onClick={() => void engine.uploads.cancel(each.clientId)}>
            <X aria-hidden />
          </button>
        </p>
      ))}
      {files.map((each) => (
        <p key={each.id} className="row">
          <span className="grow cut">{each.name}</span>
          <button className="icon" aria-label={t("nav.cancel")} onClick={() => setFiles(files.filter((other) => other !== each))}>
            <X aria-hidden />
          </button>
        </p>
      ))}
      <Problem text={problem} />
      <div className="row">
        <button className="icon" aria-label={t("composer.attach")} onClick={() => picker.current?.click()}>
          <Paperclip aria-hidden />
        </button>
        <input ref={picker} type="file" multiple hidden onChange={(event) => void attach(event.target.files ?? [])} />
        <button className="icon" aria-label={t("composer.poll")} onClick={onPoll}>
          <BarChart3 aria-hidden />
        </button>
        <textarea
          ref={box}
          className="grow"
          rows={1}
          dir="auto"
          value={text}
          maxLength={10_000}
          aria-label={t("composer.write")}
          placeholder={t("composer.write")}
          onChange={(event) => {
            setText(event.target.value);
            engine.typing.typed(conversationId);
          }}
          onKeyDown={pressed}
          onPaste={pasted}
        />
        <button className="icon primary" aria-label={t("composer.send")} disabled={uploads.length > 0} onClick={() => void send()}>
          <SendHorizontal aria-hidden className="flip" />
        </button>
      </div>
    </div>
  );
}
