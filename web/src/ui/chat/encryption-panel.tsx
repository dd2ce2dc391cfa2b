/** Verification of members: the safety number of each, to be compared over another channel; and the backup. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslations } from "../../i18n";
import { errorText, useAttempt, useEngine, useMyId, useValue } from "../hooks";
import { Done, Section } from "../kit";
import { Panel, type PanelProps } from "../panels";
import { useMembers } from "../people";
import { Problem } from "../problem";
import { QrCode } from "../qr";
import { Backup } from "./backup";

export default function EncryptionPanel({ conversation, onClose }: PanelProps) {
  const t = useTranslations();
  const me = useMyId();
  const others = useMembers(conversation.id).flatMap((each) => (each.user && each.user.id !== me ? [each.user] : []));
  const [only] = others.length === 1 ? others : [];
  return (
    <Panel title={t("e2e.title")} onClose={onClose}>
      <p>{t("e2e.what")}</p>
      <p className="hint">{t("e2e.what_not")}</p>
      {only && <Person conversationId={conversation.id} id={only.id} name={only.display_name} />}
      {!only &&
        others.map((each) => (
          <details key={each.id}>
            <summary dir="auto">{each.display_name}</summary>
            <Person conversationId={conversation.id} id={each.id} name={each.display_name} />
          </details>
        ))}
      <Backup />
    </Panel>
  );
}

function Person({ conversationId, id, name }: { conversationId: string; id: string; name: string }) {
  const t = useTranslations();
  const { endToEnd } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const keys = useValue(endToEnd.of(conversationId));
  const { data, error } = useQuery({
    queryKey: ["safety-number", id],
    staleTime: 0,
    queryFn: async () => ({ number: await endToEnd.safetyNumber(id), compared: (await endToEnd.compared(id)) ?? null }),
  });
  // the number changes with the devices
  useEffect(() => void queries.invalidateQueries({ queryKey: ["safety-number", id] }), [queries, id, keys.changes]);
  const compare = () =>
    attempt(async () => {
      await endToEnd.setCompared(id, data?.number ?? "");
      await queries.invalidateQueries({ queryKey: ["safety-number", id] });
    });
  const same = data !== undefined && data.compared === data.number;
  return (
    <Section title={t("e2e.number", { name })} hint={t("e2e.number_hint", { name })}>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      {data && (
        <>
          <p className="number" dir="ltr">
            {data.number}
          </p>
          <QrCode text={data.number} label={t("e2e.number", { name })} />
          {data.compared !== null && !same && <p role="alert" className="problem">{t("e2e.number_changed")}</p>}
          <Done text={same ? t("e2e.compared") : ""} />
          {!same && (
            <p className="row">
              <button onClick={() => void compare()}>{t("e2e.is_same")}</button>
            </p>
          )}
        </>
      )}
    </Section>
  );
}
