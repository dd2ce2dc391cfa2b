/** Forwards a message to other conversations. */
import { useState } from "react";
import type { Conversation, Message } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useValue } from "../hooks";
import { useTitle } from "../people";
import { Problem } from "../problem";
import { Sheet } from "../sheet";

export default function ForwardDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const t = useTranslations();
  const engine = useEngine();
  const { items } = useValue(engine.conversations.list);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [sought, setSought] = useState("");
  const { attempt, problem } = useAttempt();
  const forward = () =>
    attempt(async () => {
      for (const id of chosen) {
        await engine.outbox.send(id, { forward: { conversation_id: message.conversation_id, message_id: message.id } });
      }
      onClose();
    });
  const toggle = (id: string) => setChosen((before) => (before.has(id) ? new Set([...before].filter((each) => each !== id)) : new Set([...before, id])));
  return (
    <Sheet title={t("chat.forward_to")} onClose={onClose}>
      <label className="field">
        <span>{t("chat.find_conversation")}</span>
        <input value={sought} onChange={(event) => setSought(event.target.value)} autoFocus />
      </label>
      <ul className="list choices">
        {items
          .filter((each) => !each.archived && !each.settings.encrypted)
          .map((each) => (
            <Choice key={each.id} conversation={each} sought={sought} chosen={chosen.has(each.id)} onToggle={() => toggle(each.id)} />
          ))}
      </ul>
      <Problem text={problem} />
      <p className="row">
        <button className="primary" disabled={chosen.size === 0} onClick={() => void forward()}>
          {t("chat.forward")}
        </button>
        <button className="quiet" onClick={onClose}>
          {t("nav.cancel")}
        </button>
      </p>
    </Sheet>
  );
}

function Choice({ conversation, sought, chosen, onToggle }: { conversation: Conversation; sought: string; chosen: boolean; onToggle: () => void }) {
  const title = useTitle(conversation);
  if (!title.toLowerCase().includes(sought.trim().toLowerCase())) return null;
  return (
    <li>
      <label className="entry">
        <input type="checkbox" checked={chosen} onChange={onToggle} />
        <span className="grow cut" dir="auto">
          {title}
        </span>
      </label>
    </li>
  );
}
