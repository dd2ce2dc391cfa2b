/** Switches push notifications of this browser on or off. */
import { useEffect, useState } from "react";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { Section, Toggle } from "../kit";
import { Problem } from "../problem";
import { disablePush, enablePush, pushState } from "../push";

export function PushSwitch() {
  const t = useTranslations();
  const { api, keepsNothing } = useEngine();
  const { attempt, problem } = useAttempt();
  const [state, setState] = useState<Awaited<ReturnType<typeof pushState>> | null>(null);
  useEffect(() => {
    const look = () => void pushState().then(setState);
    look();
    addEventListener("focus", look); // the permission may be changed in the browser's settings
    return () => removeEventListener("focus", look);
  }, []);
  const change = (on: boolean) =>
    void attempt(() => (on ? enablePush(api) : disablePush(api))).then(async () => setState(await pushState()));
  return (
    <Section title={t("push.title")} hint={t("push.hint")}>
      {keepsNothing && <p className="hint">{t("push.shared")}</p>}
      {!keepsNothing && state === "impossible" && <p className="hint">{t("push.impossible")}</p>}
      {state === "denied" && (
        <p className="hint" role="status">
          {t("push.denied")}
        </p>
      )}
      {!keepsNothing && (state === "on" || state === "off") && <Toggle label={t("push.here")} on={state === "on"} onChange={change} />}
      <Problem text={problem === t("push.denied") ? "" : problem} />
    </Section>
  );
}
