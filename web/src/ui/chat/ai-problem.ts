import { ApiError } from "../../engine";
import type { Translate } from "../../i18n";
import { errorText } from "../hooks";

/** The text for an error of AI help: why there is no answer, and what to do. */
export function aiProblem(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return errorText(error, t);
  const known = {
    ai_disabled: t("ai.disabled"),
    ai_unavailable: t("ai.unavailable"),
    ai_budget_exceeded: t("ai.budget"),
    encrypted_conversation: t("ai.encrypted"),
  };
  return known[error.code as keyof typeof known] ?? errorText(error, t);
}
