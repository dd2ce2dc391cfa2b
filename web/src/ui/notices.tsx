/** Notices above the list of conversations: a new build is ready, the account will be deleted. */
import { useLanguage } from "../i18n";
import { waitingUpdate } from "../service-worker";
import { dateOf, useAttempt, useEngine, useValue } from "./hooks";
import { Problem } from "./problem";

export function Notices() {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const update = useValue(waitingUpdate);
  const me = useValue(engine.auth.me);
  const { attempt, problem } = useAttempt();
  const keep = () =>
    void attempt(async () => {
      await engine.api.post("/users/me/restore", {});
      await engine.auth.refreshProfile();
    });
  return (
    <>
      {update && (
        <p className="notice" role="status">
          <span className="grow">{t("update.ready")}</span>
          <button onClick={update}>{t("update.load")}</button>
        </p>
      )}
      {me?.erased_at && (
        <p className="notice" role="status">
          <span className="grow">{t("erase.pending", { day: dateOf(me.erased_at, locale) })}</span>
          <button onClick={keep}>{t("erase.keep")}</button>
        </p>
      )}
      <Problem text={problem} />
    </>
  );
}
