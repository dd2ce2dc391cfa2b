/** Step-up authentication: when the server requires it, asks for the password and repeats the action with it. */
import { type FormEvent, type ReactNode, useState } from "react";
import { ApiError } from "../engine";
import { useTranslations } from "../i18n";
import { FormEnd } from "./form-end";
import { Sheet } from "./sheet";
import { useAttempt } from "./hooks";
import { Field } from "./kit";
import { Problem } from "./problem";

type Action = (password?: string) => Promise<unknown>;

/** `run` throws the action's errors, except `step_up_required`, for which it shows `dialog` and repeats the action. */
export function useStepUp(): { run: (action: Action) => Promise<void>; dialog: ReactNode } {
  const [waiting, setWaiting] = useState<{ action: Action; over: (error?: unknown) => void } | null>(null);
  const run = async (action: Action) => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "step_up_required")) throw error;
      await new Promise<void>((resolve, reject) => {
        const over = (failed?: unknown) => {
          setWaiting(null);
          if (failed === undefined) resolve();
          else reject(failed);
        };
        setWaiting({ action, over });
      });
    }
  };
  return { run, dialog: waiting && <PasswordDialog action={waiting.action} over={waiting.over} /> };
}

function PasswordDialog({ action, over }: { action: Action; over: (error?: unknown) => void }) {
  const t = useTranslations();
  const { attempt, problem } = useAttempt();
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password"));
    void attempt(async () => {
      try {
        await action(password);
      } catch (error) {
        if (error instanceof ApiError && error.code === "invalid_credentials") throw error; // the person may try again
        over(error);
        return;
      }
      over();
    });
  }
  return (
    <Sheet title={t("stepup.title")} onClose={() => over()}>
      <form className="form" onSubmit={submit}>
        <p>{t("stepup.why")}</p>
        <Field label={t("signin.password")} name="password" type="password" autoComplete="current-password" required autoFocus />
        <Problem text={problem} />
        <FormEnd go={t("stepup.go")} onCancel={() => over()} />
      </form>
    </Sheet>
  );
}
