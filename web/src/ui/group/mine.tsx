/** The person's own settings of a conversation: notifications, mute, pin, archive; and leaving or blocking. */
import type { BodyOf, Conversation } from "../../engine";
import { useTranslations } from "../../i18n";
import { useChanges, useEngine, useMyId } from "../hooks";
import { Choice, Section, Sure, Toggle } from "../kit";
import { useMembers } from "../people";
import { goHome } from "../places";
import { Problem } from "../problem";
import { People, useRelations } from "../relations";
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
        <Other conversation={conversation} />
      )}
    </>
  );
}

/** What is between the person and the other one of a direct conversation. */
function Other({ conversation }: PartProps) {
  const t = useTranslations();
  const me = useMyId();
  const relations = useRelations();
  const people = useMembers(conversation.id).flatMap(({ user }) => (user && user.id !== me ? [user] : []));
  return (
    <Section title={t("contacts.title")}>
      <Problem text={relations.problem} />
      <People people={people} relations={relations} />
    </Section>
  );
}
