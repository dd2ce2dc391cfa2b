/**
 * Search for messages and files, here or everywhere: by words, sender, date and attachments, or by meaning (AI).
 * Decrypted messages are searched on this device; in an encrypted conversation the server gets no query.
 */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { type Conversation, type DeviceSearchPlace, isInTheClear } from "../../engine";
import { useLanguage } from "../../i18n";
import { sizeOf, useDownload } from "../attachments";
import { errorText, useEngine, useValue } from "../hooks";
import { nameOf, useMembers, useTitle } from "../people";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";
import { Hit } from "./hit";
import { useAiHelp } from "./use-ai-help";

export default function SearchPanel({ conversation, onClose }: PanelProps) {
  const { t, locale } = useLanguage();
  const { api, conversations, endToEnd } = useEngine();
  const { items: known } = useValue(conversations.list);
  const members = useMembers(conversation.id);
  const ai = useAiHelp(conversation);
  const [typed, setTyped] = useState("");
  const [everywhere, setEverywhere] = useState(false);
  const [from, setFrom] = useState("");
  const [before, setBefore] = useState("");
  const [files, setFiles] = useState(false);
  const [meaning, setMeaning] = useState(false);
  const [download, refused] = useDownload();
  const q = useDeferredValue(typed.trim());
  const asked = q !== "" || from !== "" || files;
  const encrypted = conversation.settings.encrypted;
  const onServer = everywhere || !encrypted;
  const conversationIds = (everywhere ? known : [conversation]).filter((each) => each.settings.encrypted).map(({ id }) => id);

  const query = {
    q,
    ...(everywhere ? {} : { conversation_id: conversation.id }),
    ...(from ? { from } : {}),
    ...(before ? { before: dayAfter(before) } : {}),
    ...(files ? { has: "file" as const } : {}),
  };
  const words = useInfiniteQuery({
    queryKey: ["search", query],
    enabled: asked && onServer && !meaning,
    initialPageParam: "",
    queryFn: ({ pageParam }) => api.get("/search", { query: { ...query, limit: 30, ...(pageParam ? { cursor: pageParam } : {}) } }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const decrypted = useInfiniteQuery({
    queryKey: ["search here", query, conversationIds],
    enabled: asked && !meaning && conversationIds.length > 0,
    networkMode: "always",
    gcTime: 0, // what was decrypted is kept nowhere else
    initialPageParam: null as DeviceSearchPlace | null,
    queryFn: ({ pageParam }) =>
      endToEnd.search({ q, conversationIds, senderId: from, before: before ? Date.parse(dayAfter(before)) : undefined, withFiles: files }, pageParam),
    getNextPageParam: (page) => page.next,
  });
  const read = (decrypted.data?.pages ?? []).flatMap((each) => each.items);
  const meant = useQuery({
    queryKey: ["meaning", q, everywhere, conversation.id],
    enabled: meaning && q !== "",
    queryFn: () => api.post("/ai/search", { body: { q, ...(everywhere ? {} : { conversation_id: conversation.id }) } }),
  });
  const error = meaning ? meant.error : (words.error ?? decrypted.error);
  const found = meaning ? (meant.data?.items ?? []).map((each) => ({ ...each, kind: "message" as const })) : (words.data?.pages ?? []).flatMap((each) => each.items);
  // of an encrypted conversation the server can have found only messages from before the encryption
  const honest = found
    .map((each) => (each.kind === "message" ? { ...each, ...endToEnd.shown(each, everywhere ? each.conversation_id : conversation.id) } : each))
    .filter((each) => !isInTheClear(each));
  const busy = meaning ? meant.isFetching : words.isFetching || decrypted.isFetching;

  return (
    <Panel title={t("search.title")} onClose={onClose}>
      <form role="search" className="form" onSubmit={(event) => event.preventDefault()}>
        <label className="field">
          <span>{t("search.words")}</span>
          <input type="search" value={typed} maxLength={200} onChange={(event) => setTyped(event.target.value)} autoFocus />
        </label>
        <label>
          <input type="checkbox" checked={everywhere} onChange={(event) => setEverywhere(event.target.checked)} /> {t("search.everywhere")}
        </label>
        {!meaning && (
          <>
            <label className="field">
              <span>{t("search.from")}</span>
              <select value={from} onChange={(event) => setFrom(event.target.value)}>
                <option value="">{t("search.anybody")}</option>
                {members.map(({ user }) => user && (
                  <option key={user.id} value={user.id}>
                    {user.display_name}
                  </option>
                ))}
              </select>
            </label>
            <label className="field">
              <span>{t("search.until")}</span>
              <input type="date" value={before} onChange={(event) => setBefore(event.target.value)} />
            </label>
            <label>
              <input type="checkbox" checked={files} onChange={(event) => setFiles(event.target.checked)} /> {t("search.with_files")}
            </label>
          </>
        )}
        {ai.on && (
          <label>
            <input type="checkbox" checked={meaning} onChange={(event) => setMeaning(event.target.checked)} /> {t("search.meaning")}
          </label>
        )}
      </form>
      <p role="status" className="hint">
        {busy ? t("search.busy") : asked ? t("search.found", { count: honest.length + (meaning ? 0 : read.length) }) : t("search.hint")}
      </p>
      {!meaning && conversationIds.length > 0 && <p className="hint">{t(everywhere ? "search.everywhere_hint" : "search.here_hint")}</p>}
      <Problem text={refused || (error ? errorText(error, t) : "")} />
      <ul className="plain">
        {honest.map((each) =>
          each.kind === "message" ? (
            <MessageHit key={each.id} message={each} members={members} where={everywhere ? conversations.of(each.conversation_id) : undefined} />
          ) : (
            <li key={`file ${each.id}`} className="hit">
              <button className="entry" onClick={() => void download(each.id)}>
                <span className="grow cut" dir="auto">
                  {each.name}
                </span>
                <small>{sizeOf(each.size, locale)}</small>
              </button>
            </li>
          ),
        )}
      </ul>
      {!meaning && onServer && words.hasNextPage && <More busy={busy} onMore={() => void words.fetchNextPage()} />}
      {!meaning && (read.length > 0 || decrypted.hasNextPage) && (
        <section aria-label={t("search.decrypted")}>
          {everywhere && <h3>{t("search.decrypted")}</h3>}
          <ul className="plain">
            {read.map((each) => (
              <MessageHit
                key={each.id}
                message={{ ...each, type: "encrypted", attachments: [] }}
                members={members}
                where={everywhere ? conversations.of(each.conversation_id) : undefined}
              />
            ))}
          </ul>
          {decrypted.hasNextPage && <More busy={busy} onMore={() => void decrypted.fetchNextPage()} />}
        </section>
      )}
    </Panel>
  );
}

function More({ busy, onMore }: { busy: boolean; onMore: () => void }) {
  const { t } = useLanguage();
  return (
    <button disabled={busy} onClick={onMore}>
      {t("chat.show_more")}
    </button>
  );
}

type Found = React.ComponentProps<typeof Hit>["message"] & { readonly sender_id: string };

function MessageHit({ message, members, where }: { message: Found; members: ReturnType<typeof useMembers>; where: Conversation | undefined }) {
  if (where) return <HitElsewhere message={message} where={where} />;
  return <Hit message={message} who={nameOf(members, message.sender_id)} />;
}

function HitElsewhere({ message, where }: { message: Found; where: Conversation }) {
  const members = useMembers(where.id);
  const title = useTitle(where);
  return <Hit message={message} who={nameOf(members, message.sender_id)} where={title} />;
}

/** The end of a day in local time, so that `before` includes the whole day. */
function dayAfter(day: string): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + 1).toISOString();
}
