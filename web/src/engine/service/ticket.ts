/** The URL to open a socket with a ticket. */
import type { Ticket } from "./api";

/** Uses `wsUrl` if configured, else the ticket's URL; relative URLs are resolved against the API's. */
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
