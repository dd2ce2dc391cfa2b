/** All files of a conversation: images as a grid, others as a list. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Suspense, lazy, useState } from "react";
import { useTranslations } from "../../i18n";
import { type Attached, Attachments, Picture, kindOf } from "../attachments";
import { errorText, useEngine } from "../hooks";
import { Panel, type PanelProps } from "../panels";
import { Problem } from "../problem";

const Preview = lazy(() => import("../files/preview"));

export default function GalleryPanel({ conversation, onClose }: PanelProps) {
  const t = useTranslations();
  const { api } = useEngine();
  const [viewed, setViewed] = useState<Attached | null>(null);
  const { data, error, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery({
    queryKey: ["gallery", conversation.id],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      api.get("/conversations/{conversation_id}/files", {
        path: { conversation_id: conversation.id },
        query: { limit: 60, ...(pageParam ? { cursor: pageParam } : {}) },
      }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const files = (data?.pages ?? []).flatMap((each) => each.items);
  const isPicture = (file: Attached) => kindOf(file.content_type) === "image";
  return (
    <Panel title={t("chat.gallery")} onClose={onClose}>
      <Problem text={error ? errorText(error, t) : ""} />
      {data && files.length === 0 && <p className="empty">{t("chat.no_files")}</p>}
      <ul className="plain pictures">
        {files.filter(isPicture).map((each) => (
          <li key={each.id}>
            <Picture file={each} onOpen={() => setViewed(each)} />
          </li>
        ))}
      </ul>
      <Attachments files={files.filter((each) => !isPicture(each))} />
      {hasNextPage && (
        <button disabled={isFetching} onClick={() => void fetchNextPage()}>
          {t("chat.show_more")}
        </button>
      )}
      {viewed && (
        <Suspense>
          <Preview file={viewed} onClose={() => setViewed(null)} />
        </Suspense>
      )}
    </Panel>
  );
}
