/** The voters of each option, for polls that are not anonymous. */
import { useInfiniteQuery } from "@tanstack/react-query";
import type { Poll } from "../../engine";
import { useTranslations } from "../../i18n";
import { errorText, useEngine } from "../hooks";
import { useChat } from "./context";
import { Problem } from "../problem";
import { Sheet } from "../sheet";

export default function Voters({ poll, onClose }: { poll: Poll; onClose: () => void }) {
  const t = useTranslations();
  const { api, endToEnd } = useEngine();
  const { names } = useChat();
  const encrypted = endToEnd.changes(poll.message_id);
  const { data, error, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery({
    queryKey: ["voters", poll.id, poll.total_voters, poll.my_votes],
    enabled: !encrypted,
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      api.get("/polls/{poll_id}/voters", { path: { poll_id: poll.id }, query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const voters = (data?.pages ?? []).flatMap((each) => each.items.map(({ user, option_ids }) => ({ id: user.id, name: user.display_name, chosen: option_ids })));
  if (encrypted) {
    for (const [id, votes] of Object.entries(endToEnd.votesOf(poll.message_id))) voters.push({ id, name: names.get(id) ?? "…", chosen: votes.map(String) });
  }
  return (
    <Sheet title={t("poll.who_voted")} onClose={onClose}>
      <Problem text={error ? errorText(error, t) : ""} />
      {poll.options.map((option) => {
        const theirs = voters.filter((each) => each.chosen.includes(option.id));
        return (
          <section key={option.id}>
            <h3 dir="auto">{option.text}</h3>
            <ul className="plain">
              {theirs.map((each) => (
                <li key={each.id} dir="auto">
                  {each.name}
                </li>
              ))}
            </ul>
          </section>
        );
      })}
      {hasNextPage && (
        <button disabled={isFetching} onClick={() => void fetchNextPage()}>
          {t("chat.show_more")}
        </button>
      )}
      <button onClick={onClose}>{t("chat.close")}</button>
    </Sheet>
  );
}
