/** The screen of an invitation's link (`#/invitations/TOKEN`): shows the group, and joins it. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "../i18n";
import { errorText, useAttempt, useEngine } from "./hooks";
import { Done } from "./kit";
import { Page, type ScreenProps } from "./panels";
import { openConversation } from "./places";
import { Problem } from "./problem";

export default function Join({ section = "", onClose }: ScreenProps) {
  const t = useTranslations();
  const engine = useEngine();
  const [asked, setAsked] = useState(false);
  const { attempt, problem } = useAttempt();
  const path = { token: section };
  const { data, error } = useQuery({ queryKey: ["invitation", section], queryFn: () => engine.api.get("/invitations/{token}", { path }) });
  const enter = () =>
    attempt(async () => {
      const { conversation, state } = await engine.api.post("/invitations/{token}/accept", { path });
      if (conversation) {
        engine.conversations.put(conversation);
        openConversation(conversation.id);
      } else setAsked(state === "requested");
    });
  return (
    <Page title={t("join.title")} onClose={onClose}>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      {data && (
        <div className="card">
          <h3 dir="auto">{data.name ?? "…"}</h3>
          <p>{t("join.members", { count: data.member_count })}</p>
          {data.needs_approval && <p>{t("join.approval")}</p>}
          {asked ? (
            <Done text={t("join.asked")} />
          ) : (
            <button className="primary" onClick={() => void enter()}>
              {t(data.needs_approval ? "join.ask" : "join.accept")}
            </button>
          )}
        </div>
      )}
    </Page>
  );
}
