/** Where to connect with a ticket. */
import type { Ticket } from "./api";

/** At `wsUrl` if one is configured, else where the ticket says; relative ones are seen from the API. */
export function socketUrl(
  answer: unknown,
  { httpUrl, wsUrl }: { httpUrl: string; wsUrl: string | undefined },
): { url: string; spreadMs: number | null } {
  const ticket = answer as Ticket;
  const url = new URL(wsUrl ?? ticket.url, httpUrl);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  url.searchParams.set("ticket", ticket.ticket);
  return { url: url.href, spreadMs: ticket.reconnect_spread_ms ?? null };
}
