/** The details of a conversation (`#/…/group/PART`): members, rules, invitations, join requests, reports. */
import { useQueryClient } from "@tanstack/react-query";
import { type ComponentType, useEffect } from "react";
import type { Conversation } from "../../engine";
import { type TextKey, useTranslations } from "../../i18n";
import { useEngine } from "../hooks";
import { Panel, type PanelProps } from "../panels";
import { Parts } from "../parts";
import { useTitle } from "../people";
import { openConversation } from "../places";
import { Bans } from "./bans";
import { Invitations } from "./invitations";
import { Members } from "./members";
import { Mine } from "./mine";
import { JoinRequests } from "./requests";
import { Reports } from "./reports";
import { Rules } from "./rules";

export interface PartProps {
  readonly conversation: Conversation;
}
type Part = readonly [key: string, title: TextKey, part: ComponentType<PartProps>, shown: (conversation: Conversation) => boolean];

const isGroup = ({ type }: Conversation) => type === "group";
const isLed = (conversation: Conversation) => isGroup(conversation) && conversation.role !== "member";
const mayAdd = (conversation: Conversation) => isLed(conversation) || (isGroup(conversation) && conversation.settings.who_can_add === "all");
const PARTS: readonly Part[] = [
  ["members", "group.members", Members, () => true],
  ["mine", "group.mine", Mine, () => true],
  ["rules", "group.rules", Rules, isLed],
  ["invitations", "group.invitations", Invitations, mayAdd],
  ["requests", "group.requests", JoinRequests, isLed],
  ["reports", "group.reports", Reports, isLed],
  ["bans", "group.bans", Bans, isLed],
];
/** The queries to refetch, by the prefix of an event's type. */
const STALE: readonly (readonly [prefix: string, key: string])[] = [
  ["member.", "members"],
  ["member.", "bans"],
  ["member.", "group-members"],
  ["join_request.", "requests"],
  ["report.", "reports"],
];

export default function GroupPanel({ conversation, detail, onClose }: PanelProps) {
  const t = useTranslations();
  const engine = useEngine();
  const queries = useQueryClient();
  const title = useTitle(conversation);
  useEffect(
    () =>
      engine.on("*", (event) => {
        if (event.conversation_id !== conversation.id) return;
        for (const [prefix, key] of STALE) {
          if (event.type.startsWith(prefix)) void queries.invalidateQueries({ queryKey: [key, conversation.id] });
        }
      }),
    [engine, queries, conversation.id],
  );
  return (
    <Panel title={t("group.title", { name: title })} onClose={onClose}>
      <Parts
        label={t("group.title", { name: title })}
        parts={PARTS.filter(([, , , shown]) => shown(conversation)).map(([key, text, Part]) => [key, text, <Part conversation={conversation} />])}
        chosen={detail}
        onChoose={(key) => openConversation(conversation.id, { panel: "group", detail: key })}
      />
    </Panel>
  );
}
