/** The members of a conversation and their roles, and adding people. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Member } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useChanges, useEngine, useMyId } from "../hooks";
import { Choice, Done, Field, More, Section, Sure, usePages } from "../kit";
import { useFoundPeople } from "../people";
import { Problem } from "../problem";
import type { PartProps } from "./index";
import { Username } from "../username";

type Role = Member["role"];

export function Members({ conversation }: PartProps) {
  const t = useTranslations();
  const { api } = useEngine();
  const me = useMyId();
  const queries = useQueryClient();
  const { inOrder, problem } = useChanges();
  const path = { conversation_id: conversation.id };
  const members = usePages(["group-members", conversation.id], (query) => api.get("/conversations/{conversation_id}/members", { path, query }));
  const refresh = async () => {
    for (const key of ["members", "group-members", "bans"]) await queries.invalidateQueries({ queryKey: [key, conversation.id] });
  };
  const roles: Record<Role, string> = { owner: t("role.owner"), admin: t("role.admin"), member: t("role.member") };
  const group = conversation.type === "group";
  const led = group && conversation.role !== "member";
  const mayAdd = led || (group && conversation.settings.who_can_add === "all");

  const setRole = (user_id: string, role: Role) =>
    void inOrder(() => api.patch("/conversations/{conversation_id}/members/{user_id}", { path: { ...path, user_id }, body: { role } })).then(refresh);
  const remove = async (user_id: string) => {
    await api.delete("/conversations/{conversation_id}/members/{user_id}", { path: { ...path, user_id } });
    await refresh();
  };

  return (
    <>
      <Problem text={problem} />
      <ul className="rows">
        {members.items.map(({ user, role }) => {
          const name = user?.display_name ?? t("group.gone");
          const mayChange = user !== null && user.id !== me && (conversation.role === "owner" || (led && role === "member"));
          return (
            <li key={user?.id ?? name} className="row wrap">
              <span className="grow" dir="auto">
                {name} {user && <Username of={user} />} {!mayChange && group && <small>{roles[role]}</small>}
              </span>
              {mayChange && (
                <>
                  <Choice<Role>
                    label={t("group.role_of", { name })}
                    value={role}
                    options={(Object.entries(roles) as [Role, string][]).filter(([each]) => conversation.role === "owner" || each !== "owner")}
                    onChoose={(chosen) => setRole(user.id, chosen)}
                  />
                  <Sure label={t("group.remove")} ariaLabel={t("group.remove_named", { name })} text={t("group.remove_text", { name })} onSure={() => remove(user.id)} />
                </>
              )}
            </li>
          );
        })}
      </ul>
      <More of={members} />
      {mayAdd && <AddPeople conversationId={conversation.id} onAdded={refresh} />}
    </>
  );
}

function AddPeople({ conversationId, onAdded }: { conversationId: string; onAdded: () => Promise<void> }) {
  const t = useTranslations();
  const { api } = useEngine();
  const [typed, setTyped] = useState("");
  const [done, setDone] = useState("");
  const { attempt, problem } = useAttempt();
  const { found } = useFoundPeople(typed, 10);
  const add = (user_id: string, name: string) => {
    setDone("");
    void attempt(async () => {
      const { added } = await api.post("/conversations/{conversation_id}/members", { path: { conversation_id: conversationId }, body: { user_ids: [user_id] } });
      setDone(t(added.length > 0 ? "group.added" : "group.not_added", { name }));
      setTyped("");
      await onAdded();
    });
  };
  return (
    <Section title={t("group.add")}>
      <Field label={t("new.search")} value={typed} onChange={(event) => setTyped(event.target.value)} />
      <ul className="rows">
        {found.map((each) => (
          <li key={each.id}>
            <button className="entry" onClick={() => add(each.id, each.display_name)}>
              <span dir="auto">{t("group.add_named", { name: each.display_name })}</span> <Username of={each} />
            </button>
          </li>
        ))}
      </ul>
      <Problem text={problem} />
      <Done text={done} />
    </Section>
  );
}
