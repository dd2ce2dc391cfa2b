/** Requests to join the group. */
import { useQueryClient } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { momentOf, useAttempt, useEngine } from "../hooks";
import { More, usePages } from "../kit";
import { Problem } from "../problem";
import type { PartProps } from "./index";
import { Username } from "../username";

export function JoinRequests({ conversation }: PartProps) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const path = { conversation_id: conversation.id };
  const requests = usePages(["requests", conversation.id], (query) => api.get("/conversations/{conversation_id}/join-requests", { path, query }));
  const decide = (doing: () => Promise<unknown>) =>
    void attempt(doing).then(async () => {
      for (const key of ["requests", "members", "group-members"]) await queries.invalidateQueries({ queryKey: [key, conversation.id] });
    });
  return (
    <>
      <Problem text={problem} />
      <ul className="rows">
        {requests.items.map(({ user, requested_at }) => {
          const at = { ...path, user_id: user.id };
          const name = user.display_name;
          return (
            <li key={user.id} className="row wrap">
              <span className="grow" dir="auto">
                {name} <Username of={user} />
                <br />
                <small>{momentOf(requested_at, locale)}</small>
              </span>
              <button
                className="primary"
                aria-label={t("request.approve_named", { name })}
                onClick={() => decide(() => api.post("/conversations/{conversation_id}/join-requests/{user_id}/approve", { path: at }))}
              >
                {t("request.approve")}
              </button>
              <button
                aria-label={t("request.refuse_named", { name })}
                onClick={() => decide(() => api.delete("/conversations/{conversation_id}/join-requests/{user_id}", { path: at }))}
              >
                {t("request.refuse")}
              </button>
            </li>
          );
        })}
      </ul>
      <More of={requests} />
    </>
  );
}
