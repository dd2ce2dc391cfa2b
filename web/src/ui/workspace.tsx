/** What a signed-in person works in: their conversations at one side, what is open at the other. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { FolderOpen, LogOut, MessageSquarePlus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslations } from "../i18n";
import { CallOverlay } from "./calls";
import { ConversationList } from "./conversation-list";
import { ConversationScreen } from "./conversation";
import { useEngine, useValue } from "./hooks";
import { NewConversation } from "./new-conversation";

const Drive = lazy(() => import("./drive"));
const queries = new QueryClient({ defaultOptions: { queries: { staleTime: 30_000, retry: false } } });

export type Open = { kind: "nothing" } | { kind: "conversation"; id: string } | { kind: "drive" } | { kind: "new" };

export default function Workspace() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const status = useValue(engine.status);
  const [open, setOpen] = useState<Open>({ kind: "nothing" });
  const close = () => setOpen({ kind: "nothing" });
  return (
    <QueryClientProvider client={queries}>
      <div className={open.kind === "nothing" ? "workspace" : "workspace is-open"}>
        <nav className="side" aria-label={t("nav.conversations")}>
          <header className="bar">
            <strong className="grow">{me?.display_name ?? t("app.name")}</strong>
            <button className="icon" aria-label={t("nav.new")} onClick={() => setOpen({ kind: "new" })}>
              <MessageSquarePlus aria-hidden />
            </button>
            <button className="icon" aria-label={t("nav.drive")} onClick={() => setOpen({ kind: "drive" })}>
              <FolderOpen aria-hidden />
            </button>
            <button className="icon" aria-label={t("nav.sign_out")} onClick={() => void engine.auth.logout()}>
              <LogOut aria-hidden />
            </button>
          </header>
          {status.phase !== "live" && status.phase !== "stopped" && (
            <p className="status" role="status">
              {t(status.phase === "connecting" ? "status.connecting" : status.phase === "polling" ? "status.polling" : "status.offline")}
            </p>
          )}
          <ConversationList
            selected={open.kind === "conversation" ? open.id : null}
            onOpen={(id) => setOpen({ kind: "conversation", id })}
          />
        </nav>
        <main className="stage">
          {open.kind === "conversation" && <ConversationScreen key={open.id} id={open.id} onClose={close} />}
          {open.kind === "new" && <NewConversation onMade={(id) => setOpen({ kind: "conversation", id })} onClose={close} />}
          {open.kind === "drive" && (
            <Suspense fallback={<p className="empty">…</p>}>
              <Drive onClose={close} />
            </Suspense>
          )}
          {open.kind === "nothing" && <p className="empty">{t("nav.choose")}</p>}
        </main>
        <CallOverlay />
      </div>
    </QueryClientProvider>
  );
}
