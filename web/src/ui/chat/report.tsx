/** Reports a message to the admins of its conversation. */
import { type FormEvent, useState } from "react";
import type { Message } from "../../engine";
import { useTranslations } from "../../i18n";
import { FormEnd } from "../form-end";
import { useAttempt, useEngine } from "../hooks";
import { Problem } from "../problem";
import { Sheet } from "../sheet";

export default function ReportDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const t = useTranslations();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const [done, setDone] = useState(false);
  function report(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason")).trim();
    void attempt(async () => {
      await api.post("/conversations/{conversation_id}/messages/{message_id}/reports", {
        path: { conversation_id: message.conversation_id, message_id: message.id },
        body: { reason },
      });
      setDone(true);
    });
  }
  return (
    <Sheet title={t("chat.report")} onClose={onClose}>
      {done ? (
        <>
          <p role="status">{t("chat.reported")}</p>
          <button className="primary" onClick={onClose}>
            {t("chat.close")}
          </button>
        </>
      ) : (
        <form className="form" onSubmit={report}>
          <label className="field">
            <span>{t("chat.report_why")}</span>
            <textarea name="reason" required minLength={1} maxLength={500} rows={3} autoFocus />
          </label>
          <Problem text={problem} />
          <FormEnd go={t("chat.report")} danger onCancel={onClose} />
        </form>
      )}
    </Sheet>
  );
}
