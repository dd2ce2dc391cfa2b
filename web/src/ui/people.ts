/** Searching people; the members of a conversation, and the title that its reader sees. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import type { Conversation, Member, PublicProfile } from "../engine";
import { useEngine, useMyId } from "./hooks";

const NOBODY: readonly Member[] = [];

const NONE: readonly PublicProfile[] = [];

/** The people whose names begin like the typed text `q`, which is trimmed; nobody for an empty one. `done`: an answer is here. */
export function useFoundPeople(typed: string, limit = 20): { q: string; found: readonly PublicProfile[]; done: boolean } {
  const { api } = useEngine();
  const q = useDeferredValue(typed.trim());
  const { data } = useQuery({
    queryKey: ["people", q, limit],
    enabled: q.length > 0,
    queryFn: async () => (await api.get("/users", { query: { q, limit } })).items,
  });
  return { q, found: data ?? NONE, done: data !== undefined };
}

export function useMembers(conversationId: string): readonly Member[] {
  const { api } = useEngine();
  const { data } = useQuery({
    queryKey: ["members", conversationId],
    queryFn: async () =>
      (await api.get("/conversations/{conversation_id}/members", { path: { conversation_id: conversationId }, query: { limit: 100 } })).items,
  });
  return data ?? NOBODY;
}

/** A group's name; a direct conversation is titled with the other person's name. */
export function useTitle(conversation: Conversation): string {
  const me = useMyId();
  const members = useMembers(conversation.id);
  if (conversation.name) return conversation.name;
  const others = members.filter((each) => each.user?.id !== me).map((each) => each.user?.display_name ?? "…");
  return others.slice(0, 4).join(", ") || "…";
}

export function nameOf(members: readonly Member[], userId: string): string {
  return members.find((each) => each.user?.id === userId)?.user?.display_name ?? "…";
}
