/** Acts that want a fresh proof: the password is asked for when the server asks for it, and the act is done again. */
import { type FormEvent, type ReactNode, useState } from "react";
import { ApiError } from "../engine";
import { useTranslations } from "../i18n";
import { FormEnd } from "./form-end";
import { Sheet } from "./sheet";
import { useAttempt } from "./hooks";
import { Field } from "./kit";
import { Problem } from "./problem";

type Act = (password?: string) => Promise<unknown>;

/** `run` throws what the act throws, but asks for the password first where that is all it lacks. */
export function useStepUp(): { run: (act: Act) => Promise<void>; dialog: ReactNode } {
  const [waiting, setWaiting] = useState<{ act: Act; over: (error?: unknown) => void } | null>(null);
  const run = async (act: Act) => {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "step_up_required")) throw error;
      await new Promise<void>((resolve, reject) => {
        const over = (failed?: unknown) => {
          setWaiting(null);
          if (failed === undefined) resolve();
          else reject(failed);
        };
        setWaiting({ act, over });
      });
    }
  };
  return { run, dialog: waiting && <PasswordDialog act={waiting.act} over={waiting.over} /> };
}

function PasswordDialog({ act, over }: { act: Act; over: (error?: unknown) => void }) {
  const t = useTranslations();
  const { attempt, problem } = useAttempt();
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password"));
    void attempt(async () => {
      try {
        await act(password);
      } catch (error) {
        if (error instanceof ApiError && error.code === "invalid_credentials") throw error; // they may try again
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
