/** The person's own settings of a conversation: notifications, mute, pin, archive; and leaving or blocking. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { BodyOf, Conversation } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useChanges, useEngine, useMyId } from "../hooks";
import { Choice, Section, Sure, Toggle } from "../kit";
import { useMembers } from "../people";
import { goHome } from "../places";
import { Problem } from "../problem";
import type { PartProps } from "./index";

const HOUR_MS = 3_600_000;
const FOR_EVER = "9999-12-31T00:00:00.000Z";

export function Mine({ conversation }: PartProps) {
  const t = useTranslations();
  const engine = useEngine();
  const me = useMyId();
  const { inOrder, problem } = useChanges();
  const path = { conversation_id: conversation.id };
  const change = (body: BodyOf<"put", "/conversations/{conversation_id}/me">) =>
    void inOrder(async () => engine.conversations.put(await engine.api.put("/conversations/{conversation_id}/me", { path, body })));
  const leave = async () => {
    await engine.api.delete("/conversations/{conversation_id}/members/{user_id}", { path: { ...path, user_id: me } });
    goHome();
  };
  const muted = conversation.muted_until !== null && Date.parse(conversation.muted_until) > Date.now();
  const group = conversation.type === "group";
  return (
    <>
      <Problem text={problem} />
      <Section title={t("group.mine")}>
        <Choice<Conversation["notifications"]>
          label={t("settings.notifications")}
          value={conversation.notifications}
          options={[
            ["all", t("notify.all")],
            ["mentions", t("notify.only_mentions")],
            ["none", t("notify.none")],
          ]}
          onChoose={(notifications) => change({ notifications })}
        />
        <Choice
          label={t("group.mute")}
          value={muted ? "muted" : "loud"}
          options={[
            ["loud", t("group.loud")],
            ...(muted ? [["muted", t("group.muted")] as const] : []),
            ["1", t("group.mute_hour")],
            ["8", t("group.mute_night")],
            ["ever", t("group.mute_ever")],
          ]}
          onChoose={(chosen) => {
            if (chosen === "muted") return;
            const until = chosen === "ever" ? FOR_EVER : new Date(Date.now() + Number(chosen) * HOUR_MS).toISOString();
            change({ muted_until: chosen === "loud" ? null : until });
          }}
        />
        <Toggle label={t("group.pinned")} on={conversation.pinned} onChange={(pinned) => change({ pinned })} />
        <Toggle label={t("group.archived")} on={conversation.archived} onChange={(archived) => change({ archived })} />
      </Section>
      {group ? (
        <Section title={t("group.leave")}>
          <p className="row">
            <Sure label={t("group.leave")} text={t("group.leave_text")} onSure={leave} />
          </p>
        </Section>
      ) : (
        <Block conversation={conversation} />
      )}
    </>
  );
}

function Block({ conversation }: PartProps) {
  const t = useTranslations();
  const { api } = useEngine();
  const queries = useQueryClient();
  const me = useMyId();
  const { attempt, problem } = useAttempt();
  const other = useMembers(conversation.id).find((each) => each.user && each.user.id !== me)?.user;
  const { data: blocks } = useQuery({ queryKey: ["blocks", "first"], queryFn: () => api.get("/users/me/blocks", { query: { limit: 100 } }) });
  if (!other) return null;
  const blocked = blocks?.items.some((each) => each.id === other.id) ?? false;
  const path = { user_id: other.id };
  const change = async () => {
    await (blocked ? api.delete("/users/me/blocks/{user_id}", { path }) : api.put("/users/me/blocks/{user_id}", { path }));
    await queries.invalidateQueries({ queryKey: ["blocks"] });
  };
  return (
    <Section title={t("privacy.blocked")} hint={t("privacy.blocked_hint")}>
      <Problem text={problem} />
      <p className="row">
        {blocked ? (
          <button onClick={() => void attempt(change)}>{t("privacy.unblock_named", { name: other.display_name })}</button>
        ) : (
          <Sure label={t("privacy.block_named", { name: other.display_name })} text={t("privacy.block_text")} onSure={change} />
        )}
      </p>
    </Section>
  );
}
