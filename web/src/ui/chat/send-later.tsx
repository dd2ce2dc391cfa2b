/** The dialog that schedules a message. */
import { type FormEvent, useState } from "react";
import type { MessageFields } from "../../engine";
import { useTranslations } from "../../i18n";
import { FormEnd } from "../form-end";
import { localInput, useAttempt, useEngine } from "../hooks";
import { Problem } from "../problem";
import { Sheet } from "../sheet";

const HOUR_MS = 3_600_000;

export interface SendLaterProps {
  conversationId: string;
  fields: Omit<MessageFields, "client_id">;
  onDone: (scheduled: boolean) => void;
}

export default function SendLater({ conversationId, fields, onDone }: SendLaterProps) {
  const t = useTranslations();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const [clientId] = useState(() => crypto.randomUUID());
  const [first] = useState(() => new Date(Date.now() + HOUR_MS));

  function schedule(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const send_at = new Date(String(new FormData(event.currentTarget).get("at"))).toISOString();
    void attempt(async () => {
      await api.post("/conversations/{conversation_id}/scheduled", {
        path: { conversation_id: conversationId },
        body: { ...fields, client_id: clientId, send_at },
      });
      onDone(true);
    });
  }
  return (
    <Sheet title={t("later.title")} onClose={() => onDone(false)}>
      <form className="form" onSubmit={schedule}>
        <p className="cut" dir="auto">
          {fields.text}
        </p>
        <label className="field">
          <span>{t("later.when")}</span>
          <input type="datetime-local" name="at" required min={localInput(new Date())} defaultValue={localInput(first)} />
        </label>
        <Problem text={problem} />
        <FormEnd go={t("later.schedule")} onCancel={() => onDone(false)} />
      </form>
    </Sheet>
  );
}
