/** The menu of a message: one instance for the whole history, shown beside the row that opened it. */
import { CheckCheck, Copy, Flag, Forward, History, Languages, Link, MessagesSquare, Pencil, Pin, PinOff, Reply, Trash2 } from "lucide-react";
import { type ReactNode, Suspense, lazy, useMemo, useRef, useState } from "react";
import { I18nProvider, Menu, MenuItem, Popover } from "react-aria-components";
import type { Message } from "../../engine";
import { type TextKey, useLanguage } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { isEditable } from "../message";
import { openConversation } from "../places";
import { useChat } from "./context";
import { Sheet } from "../sheet";
import { linkTo } from "./jumps";
import { translate } from "./translation";
import { useAiHelp } from "./use-ai-help";

const ForwardDialog = lazy(() => import("./forward"));
const ReportDialog = lazy(() => import("./report"));
const EDITABLE_MS = 24 * 3_600_000;

interface Item {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: ReactNode;
  readonly run: () => void;
  readonly danger?: boolean;
}

export default function MessageMenu({ message, anchor, onClose }: { message: Message; anchor: Element; onClose: () => void }) {
  const { t, language, locale } = useLanguage();
  const engine = useEngine();
  const chat = useChat();
  const ai = useAiHelp(chat.conversation);
  const [dialog, setDialog] = useState<"none" | "forward" | "report" | "delete">("none");
  const trigger = useRef<Element>(anchor);
  const { conversation, me, admin } = chat;
  const path = { conversation_id: conversation.id, message_id: message.id };
  const own = message.sender_id === me;
  const mayPin = conversation.settings.who_can_pin !== "admins" || admin;
  const panel = (name: string) => openConversation(conversation.id, { panel: name, detail: message.id });
  const copy = (text: string) => chat.attempt(() => navigator.clipboard.writeText(text));

  const items = useMemo((): Item[] => {
    const text = message.text ?? "";
    const found: (Item | false)[] = [
      { id: "reply", label: "message.reply", icon: <Reply aria-hidden className="flip" />, run: () => chat.reply(message) },
      { id: "thread", label: "chat.reply_in_thread", icon: <MessagesSquare aria-hidden />, run: () => chat.thread(message.thread_root ?? message.id) },
      own && isEditable(message) && Date.now() - Date.parse(message.created_at) < EDITABLE_MS && {
        id: "edit", label: "message.edit", icon: <Pencil aria-hidden />, run: () => chat.edit(message) },
      text !== "" && { id: "copy", label: "chat.copy", icon: <Copy aria-hidden />, run: () => copy(text) },
      { id: "link", label: "chat.copy_link", icon: <Link aria-hidden />, run: () => copy(linkTo(conversation.id, message.id)) },
      (message.type === "text" || message.type === "file") && { id: "forward", label: "chat.forward", icon: <Forward aria-hidden className="flip" />, run: () => setDialog("forward") },
      mayPin && !message.pinned && { id: "pin", label: "chat.pin", icon: <Pin aria-hidden />, run: () => chat.attempt(() => engine.api.put("/conversations/{conversation_id}/pins/{message_id}", { path })) },
      mayPin && message.pinned && { id: "unpin", label: "chat.unpin", icon: <PinOff aria-hidden />, run: () => chat.attempt(() => engine.api.delete("/conversations/{conversation_id}/pins/{message_id}", { path })) },
      ai.allows("translations") && text !== "" && { id: "translate", label: "ai.translate", icon: <Languages aria-hidden />, run: () => void translate(engine, message.id, language, t) },
      { id: "info", label: "chat.who_read", icon: <CheckCheck aria-hidden />, run: () => panel("info") },
      message.edited_at !== null && message.type !== "encrypted" && { id: "edits", label: "chat.edits", icon: <History aria-hidden />, run: () => panel("edits") },
      !own && { id: "report", label: "chat.report", icon: <Flag aria-hidden />, run: () => setDialog("report") },
      (own || (chat.group && admin)) && { id: "delete", label: "message.delete", icon: <Trash2 aria-hidden />, danger: true, run: () => setDialog("delete") },
    ];
    return found.filter((each) => each !== false);
    // the other values cannot change while the menu is open
  }, [message, ai.on]);

  const done = () => {
    setDialog("none");
    onClose();
  };
  if (dialog === "forward" || dialog === "report") {
    const Dialog = dialog === "forward" ? ForwardDialog : ReportDialog;
    return (
      <Suspense>
        <Dialog message={message} onClose={done} />
      </Suspense>
    );
  }
  if (dialog === "delete") return <DeleteDialog message={message} onClose={done} />;
  return (
    <I18nProvider locale={locale}>
      <Popover
        aria-label={t("message.actions")}
        className="popover"
        triggerRef={trigger}
        isOpen
        placement={own ? "bottom end" : "bottom start"}
        onOpenChange={(open) => !open && onClose()}
      >
        <Menu
          aria-label={t("message.actions")}
          className="menu"
          autoFocus="first"
          onAction={(key) => {
            const chosen = items.find((each) => each.id === key);
            chosen?.run();
            if (chosen && !OPENS_DIALOG.has(chosen.id)) onClose();
          }}
          shouldCloseOnSelect={false}
        >
          {items.map((each) => (
            <MenuItem key={each.id} id={each.id} textValue={t(each.label)} className={each.danger ? "menu-item danger" : "menu-item"}>
              {each.icon} {t(each.label)}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </I18nProvider>
  );
}

/** Items that open a dialog; the menu's component stays mounted for it. */
const OPENS_DIALOG: ReadonlySet<string> = new Set(["forward", "report", "delete"]);

function DeleteDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const { t } = useLanguage();
  const { commands } = useEngine();
  const { attempt, problem } = useAttempt();
  return (
    <Sheet title={t("chat.delete_title")} onClose={onClose}>
      <p>{t("chat.delete_explained")}</p>
      {problem && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      <p className="row">
        <button
          className="danger"
          onClick={() =>
            void attempt(async () => {
              await commands.deleteMessage(message.conversation_id, message.id);
              onClose();
            })
          }
        >
          {t("chat.delete_for_all")}
        </button>
        <button className="quiet" onClick={onClose}>
          {t("nav.cancel")}
        </button>
      </p>
    </Sheet>
  );
}
