/** What a signed-in person works in: their conversations at one side, what is open at the other. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { FolderOpen, LogOut, MessageSquarePlus, Settings, ShieldCheck } from "lucide-react";
import { useTranslations } from "../i18n";
import { useAttention } from "./attention";
import { BellButton } from "./bell";
import { CallOverlay } from "./calls";
import { ConversationList } from "./conversation-list";
import { ConversationScreen } from "./conversation";
import { useEngine, useValue } from "./hooks";
import { Beside, Stage, hasPanel } from "./panels";
import { Notices } from "./notices";
import { goHome, openConversation, openScreen, usePlace } from "./places";
import { forgetPush } from "./push";

const queries = new QueryClient({ defaultOptions: { queries: { staleTime: 30_000, retry: false } } });

export default function Workspace() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const status = useValue(engine.status);
  useValue(engine.conversations.list);
  const place = usePlace();
  const conversation = place.screen === "conversations" ? engine.conversations.of(place.id) : undefined;
  useAttention(place);
  const frame = ["workspace", place.screen !== "home" && "is-open", hasPanel(place) && "has-beside"];
  const signOut = async () => {
    await forgetPush();
    await engine.auth.logout().finally(goHome);
  };
  return (
    <QueryClientProvider client={queries}>
      <div className={frame.filter(Boolean).join(" ")}>
        <nav className="side" aria-label={t("nav.conversations")}>
          <header className="bar">
            <strong className="grow">{me?.display_name ?? t("app.name")}</strong>
            <BellButton />
            <button className="icon" aria-label={t("nav.new")} onClick={() => openScreen("new")}>
              <MessageSquarePlus aria-hidden />
            </button>
            <button className="icon" aria-label={t("nav.drive")} onClick={() => openScreen("drive")}>
              <FolderOpen aria-hidden />
            </button>
            {me?.role === "admin" && (
              <button className="icon" aria-label={t("nav.administration")} onClick={() => openScreen("administration")}>
                <ShieldCheck aria-hidden />
              </button>
            )}
            <button className="icon" aria-label={t("nav.settings")} onClick={() => openScreen("settings")}>
              <Settings aria-hidden />
            </button>
            <button className="icon" aria-label={t("nav.sign_out")} onClick={() => void signOut()}>
              <LogOut aria-hidden />
            </button>
          </header>
          <Notices />
          {status.phase !== "live" && status.phase !== "stopped" && (
            <p className="status" role="status">
              {t(status.phase === "connecting" ? "status.connecting" : status.phase === "polling" ? "status.polling" : "status.offline")}
            </p>
          )}
          <ConversationList selected={place.screen === "conversations" ? place.id : null} onOpen={openConversation} />
        </nav>
        <main className="stage">
          {place.screen === "conversations" && <ConversationScreen key={place.id} id={place.id} onClose={goHome} />}
          {place.screen === "screen" && <Stage place={place} />}
          {place.screen === "home" && <p className="empty">{t("nav.choose")}</p>}
        </main>
        {place.screen === "conversations" && conversation && <Beside place={place} conversation={conversation} />}
        <CallOverlay />
      </div>
    </QueryClientProvider>
  );
}
