/** The layout after sign-in: the list of conversations on one side, the open conversation or screen on the other. */
import { FolderOpen, LogOut, MessageSquarePlus, Settings, ShieldCheck, Users } from "lucide-react";
import { Suspense, lazy, useState } from "react";
import { I18nProvider } from "react-aria-components";
import { useLanguage } from "../i18n";
import { useAttention } from "./attention";
import { BellButton } from "./bell";
import { CallOverlay } from "./call/overlay";
import { ConversationList } from "./conversation-list";
import { ConversationScreen } from "./conversation";
import { useEngine, useValue } from "./hooks";
import { Beside, Stage, hasPanel } from "./panels";
import { Notices } from "./notices";
import type { Front } from "./palette";
import { goHome, openConversation, openScreen, usePlace } from "./places";
import { Queries } from "./queries";
import { useShortcuts } from "./shortcuts";
import { signOut } from "./sign-out";

const InFront = lazy(() => import("./palette"));

export default function Workspace() {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const status = useValue(engine.status);
  useValue(engine.conversations.list);
  const place = usePlace();
  const conversation = place.screen === "conversations" ? engine.conversations.of(place.id) : undefined;
  useAttention(place);
  const frame = ["workspace", place.screen !== "home" && "is-open", hasPanel(place) && "has-beside"];
  const [front, setFront] = useState<Front | null>(null);
  const step = (by: 1 | -1) => {
    const ids = engine.conversations.list.get().items.filter((each) => !each.archived).map((each) => each.id);
    const now = place.screen === "conversations" ? ids.indexOf(place.id) : by > 0 ? -1 : ids.length;
    const next = ids[now + by];
    if (next !== undefined) openConversation(next);
  };
  useShortcuts({ palette: () => setFront("palette"), sheet: () => setFront("sheet"), settings: () => openScreen("settings"), step });
  return (
    <Queries>
      <I18nProvider locale={locale}>
        <div className={frame.filter(Boolean).join(" ")}>
          <nav className="side" aria-label={t("nav.conversations")}>
            <header className="bar">
              <h1 className="grow">{me?.display_name ?? t("app.name")}</h1>
              <BellButton />
              <button className="icon" aria-label={t("nav.new")} onClick={() => openScreen("new")}>
                <MessageSquarePlus aria-hidden />
              </button>
              <button className="icon" aria-label={t("contacts.title")} onClick={() => openScreen("contacts")}>
                <Users aria-hidden />
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
              <button className="icon" aria-label={t("nav.sign_out")} onClick={() => void signOut(engine)}>
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
          {front && (
            <Suspense>
              <InFront front={front} onClose={() => setFront(null)} onFront={setFront} />
            </Suspense>
          )}
          <CallOverlay />
        </div>
      </I18nProvider>
    </Queries>
  );
}
