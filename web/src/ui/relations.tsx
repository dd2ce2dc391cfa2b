/** The person's contacts and blocks, and the buttons that change what is between them and somebody else. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type PublicProfile, allItems } from "../engine";
import { type TextKey, useTranslations } from "../i18n";
import { errorText, useAttempt, useEngine, useValue } from "./hooks";
import { Sure } from "./kit";
import { openConversation } from "./places";
import { Problem } from "./problem";
import { Username } from "./username";

export type RelationState = "pending_in" | "accepted" | "pending_out" | "blocked";

export interface Relations {
  readonly loaded: boolean;
  readonly problem: string;
  readonly people: (state: RelationState) => readonly PublicProfile[];
  /** Undefined: nothing is between the two. */
  readonly stateOf: (userId: string) => RelationState | undefined;
  /** Runs a change, then fetches all again; it throws what the change throws. */
  readonly change: (doing: () => Promise<unknown>) => Promise<unknown>;
}

const KEY = "relations";

/** Asked again at each request that comes; others' answers, of which the server tells nothing, come within a minute. */
export function useRelations(): Relations {
  const t = useTranslations();
  const engine = useEngine();
  const queries = useQueryClient();
  const request = useValue(engine.notifications.state).items.find((each) => each.kind === "contact_request")?.id;
  const { data, error } = useQuery({
    queryKey: [KEY, request],
    placeholderData: (before) => before,
    staleTime: 0,
    refetchInterval: 60_000,
    queryFn: async () => {
      const [contacts, blocks] = await Promise.all([
        allItems((query) => engine.api.get("/contacts", { query })),
        allItems((query) => engine.api.get("/users/me/blocks", { query })),
      ]);
      const found: { user: PublicProfile; state: RelationState }[] = [...contacts, ...blocks.map((user) => ({ user, state: "blocked" as const }))];
      return found.sort((one, other) => one.user.display_name.localeCompare(other.user.display_name));
    },
  });
  return {
    loaded: data !== undefined,
    problem: error ? errorText(error, t) : "",
    people: (state) => (data ?? []).filter((each) => each.state === state).map((each) => each.user),
    stateOf: (userId) => data?.find((each) => each.user.id === userId)?.state,
    change: (doing) => doing().finally(() => queries.invalidateQueries({ queryKey: [KEY] })),
  };
}

interface RelationProps {
  user: PublicProfile;
  relations: Relations;
  /** The first button alone, and for a contact none. */
  brief?: boolean;
}

/** The first button keeps its place, and so the focus, while what it does changes with the state. */
export function RelationButtons({ user: { id: user_id, display_name: name }, relations, brief = false }: RelationProps) {
  const t = useTranslations();
  const { api, conversations } = useEngine();
  const { attempt, problem } = useAttempt();
  const at = { path: { user_id } };
  const state = relations.stateOf(user_id);
  const remove = () => api.delete("/contacts/{user_id}", at);
  const write = async () => {
    const direct = await api.post("/conversations", { body: { type: "direct", member_ids: [user_id] } });
    conversations.put(direct);
    openConversation(direct.id);
  };
  const unblock = () => api.delete("/users/me/blocks/{user_id}", at);
  const [first, act]: readonly [TextKey, () => Promise<unknown>] = {
    none: ["contacts.add", () => api.post("/contacts/{user_id}", at)] as const,
    pending_in: ["bell.accept", () => api.post("/contacts/{user_id}/accept", at)] as const,
    accepted: ["composer.write", write] as const,
    pending_out: ["contacts.withdraw", remove] as const,
    blocked: ["privacy.unblock", unblock] as const,
  }[state ?? "none"];
  const named = (key: TextKey) => `${t(key)}: ${name}`;
  const run = (doing: () => Promise<unknown>) => void attempt(() => relations.change(doing));
  if (!relations.loaded || (brief && state === "accepted")) return null;
  return (
    <>
      <button className={state === "pending_in" ? "primary" : ""} aria-label={named(first)} onClick={() => run(act)}>
        {t(first)}
      </button>
      {state === "pending_in" && !brief && (
        <button aria-label={named("call.decline")} onClick={() => run(remove)}>
          {t("call.decline")}
        </button>
      )}
      {state === "accepted" && <Sure label={t("group.remove")} ariaLabel={named("group.remove")} text={t("contacts.remove_text")} onSure={() => relations.change(remove)} />}
      {state !== "blocked" && !brief && (
        <Sure label={t("privacy.block")} ariaLabel={named("privacy.block")} text={t("privacy.block_text")} onSure={() => relations.change(() => api.put("/users/me/blocks/{user_id}", at))} />
      )}
      <Problem text={problem} />
    </>
  );
}

export function People({ people, relations }: { people: readonly PublicProfile[]; relations: Relations }) {
  return (
    <ul className="rows">
      {people.map((each) => (
        <li key={each.id} className="row wrap">
          <span className="grow cut" dir="auto">
            {each.display_name} <Username of={each} />
          </span>
          <RelationButtons user={each} relations={relations} />
        </li>
      ))}
    </ul>
  );
}
