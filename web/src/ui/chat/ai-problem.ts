import { ApiError } from "../../engine";
import type { Translate } from "../../i18n";
import { told } from "../hooks";

/** Why AI help did not answer, and what one can do about it. */
export function aiProblem(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return told(error, t);
  const known = {
    ai_disabled: t("ai.disabled"),
    ai_unavailable: t("ai.unavailable"),
    ai_budget_exceeded: t("ai.budget"),
    encrypted_conversation: t("ai.encrypted"),
  };
  return known[error.code as keyof typeof known] ?? told(error, t);
}
