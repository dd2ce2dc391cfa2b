/** All accounts: search, bans, ending sessions, the role of admin. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useDeferredValue, useState } from "react";
import type { Answer } from "../../engine";
import { useLanguage } from "../../i18n";
import { FormEnd } from "../form-end";
import { Sheet } from "../sheet";
import { dateOf, useAttempt, useEngine, useMyId } from "../hooks";
import { Area, Choice, Field, More, Sure, usePages } from "../kit";
import { Problem } from "../problem";
import { Username } from "../username";

type User = Answer<"get", "/admin/users/{user_id}">;
const KEY = "admin-users";

export function People() {
  const { t } = useLanguage();
  const { api } = useEngine();
  const [typed, setTyped] = useState("");
  const [state, setState] = useState<"" | User["state"]>("");
  const q = useDeferredValue(typed.trim());
  const people = usePages([KEY, q, state], (query) =>
    api.get("/admin/users", { query: { ...query, ...(q ? { q } : {}), ...(state ? { state } : {}) } }),
  );
  return (
    <>
      <div className="row wrap">
        <Field label={t("admin.find")} type="search" value={typed} onChange={(event) => setTyped(event.target.value)} />
        <Choice
          label={t("admin.state")}
          value={state}
          options={[
            ["", t("admin.any")],
            ["active", t("admin.active")],
            ["banned", t("admin.banned")],
          ]}
          onChoose={setState}
        />
      </div>
      <ul className="rows">
        {people.items.map((each) => (
          <Entry key={each.id} user={each} />
        ))}
      </ul>
      <More of={people} />
    </>
  );
}

function Entry({ user }: { user: User }) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const me = useMyId();
  const queries = useQueryClient();
  const [banning, setBanning] = useState(false);
  const { attempt, problem } = useAttempt();
  const path = { user_id: user.id };
  const refresh = () => queries.invalidateQueries({ queryKey: [KEY] });
  const name = user.display_name;
  const role = user.role === "admin" ? "user" : "admin";
  return (
    <li className="block">
      <p className="row">
        <span className="grow">
          <strong dir="auto">{name}</strong> <Username of={user} /> {user.role === "admin" && <em>{t("role.admin")}</em>}
          <br />
          <small>
            {user.email} {t(user.email_verified ? "profile.verified" : "profile.unverified")} · {dateOf(user.created_at, locale)} · <code>{user.id}</code>
          </small>
        </span>
      </p>
      {user.ban && (
        <p className="problem" dir="auto">
          {t("admin.banned_for", { reason: user.ban.reason })} {user.ban.until && t("invite.until", { when: dateOf(user.ban.until, locale) })}
        </p>
      )}
      <Problem text={problem} />
      {user.id !== me && (
        <p className="row wrap">
          {user.ban ? (
            <button onClick={() => void attempt(() => api.post("/admin/users/{user_id}/unban", { path })).then(refresh)}>{t("admin.unban")}</button>
          ) : (
            <button className="danger" aria-label={t("admin.ban_named", { name })} onClick={() => setBanning(true)}>
              {t("admin.ban")}
            </button>
          )}
          <Sure className="" label={t("admin.sign_out")} text={t("admin.sign_out_text", { name })} onSure={() => api.post("/admin/users/{user_id}/sign-out", { path })} />
          <Sure
            className="quiet"
            label={t(role === "admin" ? "admin.make_admin" : "admin.make_user")}
            text={t("admin.role_text")}
            onSure={() => api.post("/admin/users/{user_id}/role", { path, body: { role } }).then(refresh)}
          />
        </p>
      )}
      {banning && <BanDialog user={user} onClose={() => setBanning(false)} onDone={refresh} />}
    </li>
  );
}

function BanDialog({ user, onClose, onDone }: { user: User; onClose: () => void; onDone: () => Promise<void> }) {
  const { t } = useLanguage();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  function ban(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const until = String(given.get("until"));
    const body = { reason: String(given.get("reason")).trim(), ...(until ? { until: new Date(until).toISOString() } : {}) };
    void attempt(async () => {
      await api.post("/admin/users/{user_id}/ban", { path: { user_id: user.id }, body });
      await onDone();
      onClose();
    });
  }
  return (
    <Sheet title={t("admin.ban_named", { name: user.display_name })} onClose={onClose}>
      <form className="form" onSubmit={ban}>
        <p>{t("admin.ban_text")}</p>
        <Area label={t("admin.reason")} name="reason" required minLength={10} maxLength={500} autoFocus />
        <Field label={t("admin.until")} name="until" type="datetime-local" />
        <Problem text={problem} />
        <FormEnd go={t("admin.ban")} danger onCancel={onClose} />
      </form>
    </Sheet>
  );
}
