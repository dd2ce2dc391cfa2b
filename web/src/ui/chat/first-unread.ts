/** Where the unread messages of an opened conversation begin; reading moves the marker on, but not this. */
import { useEffect, useState } from "react";
import { useEngine, useMyId } from "../hooks";

/** The first unread seq when the conversation was opened; null if there is none, undefined until it is known. */
export function useFirstUnread(conversationId: string, unread: number): number | null | undefined {
  const { receipts } = useEngine();
  const me = useMyId();
  const [first, setFirst] = useState<number | null | undefined>(unread > 0 ? undefined : null);
  useEffect(() => {
    const find = () => {
      const mine = receipts.of(conversationId).get().find((each) => each.user_id === me);
      setFirst((known) => (known !== undefined ? known : mine ? mine.read_seq + 1 : null));
    };
    receipts.load(conversationId).then(find, find); // on failure the list starts at the end
  }, [receipts, conversationId, me]);
  return first;
}
