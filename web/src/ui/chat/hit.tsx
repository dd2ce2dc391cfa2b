/** A message as an entry of a list of results; a press shows it in the history. */
import type { ReactNode } from "react";
import type { Message } from "../../engine";
import { useLanguage } from "../../i18n";
import { messageText, momentOf, useAttempt } from "../hooks";
import { Problem } from "../problem";
import { showMessage } from "./jumps";

export interface HitProps {
  message: Pick<Message, "id" | "conversation_id" | "created_at" | "text" | "attachments" | "type">;
  who: string;
  where?: string | undefined;
  children?: ReactNode;
}

export function Hit({ message, who, where, children }: HitProps) {
  const { t, locale } = useLanguage();
  const { attempt, problem } = useAttempt();
  return (
    <li className="hit">
      <button className="entry" onClick={() => void attempt(() => showMessage(message.conversation_id, message.id))}>
        <span className="grow">
          <span className="row">
            <strong className="grow cut" dir="auto">
              {who}
              {where && <small> · {where}</small>}
            </strong>
            <time dateTime={message.created_at}>{momentOf(message.created_at, locale)}</time>
          </span>
          <span className="lines" dir="auto">
            {messageText(message, t) ?? message.attachments[0]?.name ?? (message.type === "poll" ? t("message.poll") : "…")}
          </span>
        </span>
      </button>
      {children}
      <Problem text={problem} />
    </li>
  );
}
