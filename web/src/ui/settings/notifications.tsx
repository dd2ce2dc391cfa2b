/** Which notifications a person gets, at what times, and pushes to this browser. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { NotificationPreferences } from "../../engine";
import { useTranslations } from "../../i18n";
import { errorText, useChanges, useEngine } from "../hooks";
import { Choice, Field, Section, Toggle } from "../kit";
import { Problem } from "../problem";
import { PushSwitch } from "./push";

const KEY = ["notification-preferences"];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES: readonly string[] = [...new Set([HERE, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort();

export function NotificationsPart() {
  const t = useTranslations();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { inOrder, problem } = useChanges();
  const { data: now, error } = useQuery({ queryKey: KEY, queryFn: () => api.get("/notifications/preferences") });
  const change = (changes: Partial<NotificationPreferences>) => {
    if (!now) return;
    queries.setQueryData(KEY, { ...now, ...changes });
    void inOrder(() => api.put("/notifications/preferences", { body: changes })).then(() => queries.invalidateQueries({ queryKey: KEY }));
  };
  const quiet = now?.quiet_hours ?? null;
  return (
    <>
      <PushSwitch />
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      {now && (
        <>
          <Section title={t("notify.what")}>
            <Choice
              label={t("notify.messages")}
              value={now.messages}
              options={[
                ["all", t("notify.all")],
                ["mentions", t("notify.only_mentions")],
                ["none", t("notify.none")],
              ]}
              onChoose={(messages) => change({ messages })}
            />
            <Toggle label={t("notify.mentions")} on={now.mentions} onChange={(mentions) => change({ mentions })} />
            <Toggle label={t("notify.calls")} on={now.calls} onChange={(calls) => change({ calls })} />
            <Toggle label={t("notify.polls")} on={now.polls} onChange={(polls) => change({ polls })} />
            <Toggle label={t("notify.files")} on={now.files} onChange={(files) => change({ files })} />
          </Section>
          <Section title={t("notify.preview")} hint={t("notify.preview_hint")}>
            <Toggle label={t("notify.show_preview")} on={now.show_preview} onChange={(show_preview) => change({ show_preview })} />
          </Section>
          <Section title={t("notify.quiet")} hint={t("notify.quiet_hint")}>
            <Toggle
              label={t("notify.quiet_on")}
              on={quiet !== null}
              onChange={(on) => change({ quiet_hours: on ? { from: "22:00", to: "07:00", timezone: HERE } : null })}
            />
            {quiet && (
              <div className="row wrap">
                <Field
                  label={t("notify.from")}
                  type="time"
                  value={quiet.from}
                  required
                  onChange={(event) => event.target.value && change({ quiet_hours: { ...quiet, from: event.target.value } })}
                />
                <Field
                  label={t("notify.to")}
                  type="time"
                  value={quiet.to}
                  required
                  onChange={(event) => event.target.value && change({ quiet_hours: { ...quiet, to: event.target.value } })}
                />
                <Choice
                  label={t("notify.zone")}
                  value={quiet.timezone}
                  options={ZONES.map((each) => [each, each.replaceAll("_", " ")] as const)}
                  onChoose={(timezone) => change({ quiet_hours: { ...quiet, timezone } })}
                />
              </div>
            )}
          </Section>
        </>
      )}
    </>
  );
}
