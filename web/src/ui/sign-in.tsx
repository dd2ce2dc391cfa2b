/** Sign-in and registration; asks for the second factor if the account has one. */
import { type FormEvent, useState } from "react";
import { ApiError, type Engine } from "../engine";
import { useTranslations } from "../i18n";
import { ADDRESS_FIELD, asciiAddress } from "./address";
import { errorText, useEngine } from "./hooks";
import { signInWithPasskey } from "./passkey";
import { openScreen } from "./places";
import { Problem } from "./problem";

export interface SignInProps {
  reason?: "revoked" | "elsewhere" | undefined;
  /** The engine to sign in with: one that stores data in this browser, or one that `keepsNothing`. */
  engineFor: (keepsNothing: boolean) => Promise<Engine>;
}

export function SignIn({ reason, engineFor }: SignInProps) {
  const t = useTranslations();
  const [isShared, setIsShared] = useState(useEngine().keepsNothing);
  const [joining, setJoining] = useState(false);
  const [wantsCode, setWantsCode] = useState(false);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    const password = String(given.get("password") ?? "");
    setBusy(true);
    setProblem("");
    try {
      const { auth } = await engineFor(isShared);
      if (joining) {
        await auth.register({ email: asciiAddress(text("email")), username: text("username").toLowerCase(), display_name: text("display_name"), password });
      } else {
        const code = text("totp");
        await auth.login({ identifier: asciiAddress(text("identifier")), password, ...(code ? { totp: code } : {}) });
      }
    } catch (error) {
      if (error instanceof ApiError && error.code === "totp_required") setWantsCode(true);
      else setProblem(errorText(error, t));
      setBusy(false);
    }
  }

  async function withPasskey() {
    setBusy(true);
    setProblem("");
    try {
      const { api, auth } = await engineFor(isShared);
      await auth.adopt(await signInWithPasskey(api));
    } catch (error) {
      setProblem(errorText(error, t));
      setBusy(false);
    }
  }

  return (
    <main className="welcome">
      <h1>{t("app.name")}</h1>
      <p>{t("app.tagline")}</p>
      {reason && <p role="status">{t(reason === "revoked" ? "signin.revoked" : "signin.elsewhere")}</p>}
      <form className="card" onSubmit={(event) => void submit(event)}>
        <h2>{t(joining ? "signin.join" : "signin.title")}</h2>
        {joining ? (
          <>
            <Field label={t("signin.display_name")} name="display_name" autoComplete="name" maxLength={100} />
            <Field label={t("signin.username")} name="username" autoComplete="username" pattern="[a-zA-Z0-9_.]{3,30}" />
            <Field label={t("signin.email")} name="email" {...ADDRESS_FIELD} />
          </>
        ) : (
          <Field label={t("signin.identifier")} name="identifier" autoComplete="username" />
        )}
        <Field
          label={t("signin.password")}
          name="password"
          type="password"
          minLength={joining ? 10 : 1}
          autoComplete={joining ? "new-password" : "current-password"}
        />
        {wantsCode && !joining && <Field label={t("signin.code")} name="totp" autoComplete="one-time-code" />}
        <label className="row">
          <input type="checkbox" checked={isShared} onChange={(event) => setIsShared(event.target.checked)} /> {t("signin.shared")}
        </label>
        {isShared && <p className="hint">{t("signin.shared_hint")}</p>}
        <Problem text={problem} />
        <button className="primary" disabled={busy}>
          {t(joining ? "signin.join" : "signin.submit")}
        </button>
        {!joining && (
          <button type="button" disabled={busy} onClick={() => void withPasskey()}>
            {t("signin.passkey")}
          </button>
        )}
        {!joining && (
          <button type="button" className="quiet" onClick={() => openScreen("forgot")}>
            {t("letter.forgot")}
          </button>
        )}
        <button
          type="button"
          className="quiet"
          onClick={() => {
            setJoining(!joining);
            setProblem("");
          }}
        >
          {t(joining ? "signin.have_account" : "signin.no_account")}
        </button>
      </form>
    </main>
  );
}

function Field({ label, ...input }: { label: string } & React.ComponentProps<"input">) {
  return (
    <label className="field">
      <span>{label}</span>
      <input required {...input} />
    </label>
  );
}
