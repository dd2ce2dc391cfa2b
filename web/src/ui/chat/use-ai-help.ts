/** Whether AI help is available in a conversation: both the person and the conversation's admins must have it on. */
import { useQuery } from "@tanstack/react-query";
import type { AiFeature, AiSettings, Conversation } from "../../engine";
import { useEngine } from "../hooks";

export interface AiHelp {
  /** Both have it on. */
  readonly on: boolean;
  readonly conversationId: string;
  readonly settings: AiSettings | undefined;
  readonly allows: (feature: AiFeature) => boolean;
}

export function useAiHelp(conversation: Conversation): AiHelp {
  const { api } = useEngine();
  const here = conversation.settings.ai_enabled && !conversation.settings.encrypted;
  const { data: settings } = useQuery({ queryKey: ["ai-settings"], enabled: here, staleTime: 60_000, queryFn: () => api.get("/ai/settings") });
  const on = here && (settings?.enabled ?? false);
  return { on, conversationId: conversation.id, settings, allows: (feature) => on && (settings?.features[feature] ?? false) };
}
