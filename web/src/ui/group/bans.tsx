/** People who were removed from the group and cannot come back by a link. */
import { useQueryClient } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { dateOf, useAttempt, useEngine } from "../hooks";
import { More, usePages } from "../kit";
import { Problem } from "../problem";
import type { PartProps } from "./index";

export function Bans({ conversation }: PartProps) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const path = { conversation_id: conversation.id };
  const bans = usePages(["bans", conversation.id], (query) => api.get("/conversations/{conversation_id}/bans", { path, query }));
  const lift = (user_id: string) =>
    void attempt(() => api.delete("/conversations/{conversation_id}/bans/{user_id}", { path: { ...path, user_id } })).then(() =>
      queries.invalidateQueries({ queryKey: ["bans", conversation.id] }),
    );
  return (
    <>
      <Problem text={problem} />
      <ul className="rows">
        {bans.items.map(({ user, banned_at }) => (
          <li key={user.id} className="row">
            <span className="grow" dir="auto">
              {user.display_name} <small>{dateOf(banned_at, locale)}</small>
            </span>
            <button aria-label={t("ban.lift_named", { name: user.display_name })} onClick={() => lift(user.id)}>
              {t("ban.lift")}
            </button>
          </li>
        ))}
      </ul>
      <More of={bans} />
    </>
  );
}
