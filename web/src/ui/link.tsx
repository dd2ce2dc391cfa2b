/**
 * The screen of a link to a file (`#/links/TOKEN`), whether signed in or not. The download starts only at a press,
 * since the number of downloads may be limited.
 */
import { type FormEvent, useState } from "react";
import { ApiError } from "../engine";
import { useTranslations } from "../i18n";
import { useAttempt, useEngine } from "./hooks";
import { Problem } from "./problem";

export default function FileLink({ token }: { token: string }) {
  const t = useTranslations();
  const { api } = useEngine();
  const [locked, setLocked] = useState(false);
  const [name, setName] = useState("");
  const { attempt, problem } = useAttempt();
  const fetch = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password") ?? "");
    void attempt(async () => {
      try {
        const headers: Record<string, string> = password ? { "X-Link-Password": password } : {};
        const { file, url } = await api.get("/drive/links/{token}", { path: { token }, headers });
        setName(file.name);
        location.assign(url);
      } catch (error) {
        const asks = error instanceof ApiError && (error.status === 401 || error.status === 403);
        if (!asks || password !== "") throw error;
        setLocked(true);
      }
    });
  };
  return (
    <main className="welcome">
      <h1>{t("app.name")}</h1>
      <form className="card" onSubmit={fetch}>
        <h2>{t("drive.shared_file")}</h2>
        {locked && (
          <label className="field">
            <span>{t("drive.link_password")}</span>
            <input name="password" type="password" required autoFocus />
          </label>
        )}
        <Problem text={problem} />
        {name && (
          <p role="status" dir="auto">
            {name}
          </p>
        )}
        <button className="primary">{t("export.download")}</button>
      </form>
    </main>
  );
}
