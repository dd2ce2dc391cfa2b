/** A notice of an active call that this device has not joined, after a reload or when coming later; joins it. */
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useValue } from "../hooks";
import { Problem } from "../problem";
import { callStore } from "./store";

export function CallGoingOn({ conversationId }: { conversationId: string }) {
  const t = useTranslations();
  const engine = useEngine();
  const { session } = useValue(callStore);
  const { attempt, problem } = useAttempt();
  const call = useValue(engine.calls.live).find((each) => each.conversation_id === conversationId && each.state === "active");
  if (!call || session) return null;
  return (
    <p className="notice" role="status">
      <span className="grow">{t("call.goes_on")}</span>
      <button onClick={() => void attempt(() => callStore.join(engine, call))}>{t("call.join")}</button>
      <Problem text={problem} />
    </p>
  );
}
