/** Screens (in the stage) and panels (beside a conversation), loaded when they are first opened, and their frames. */
import { ArrowLeft, Info, X } from "lucide-react";
import { type ComponentType, type LazyExoticComponent, type ReactNode, Suspense, lazy, useEffect, useId, useRef } from "react";
import type { Conversation } from "../engine";
import { useTranslations } from "../i18n";
import { type Place, goHome, openConversation } from "./places";

export interface ScreenProps {
  readonly section: string | undefined;
  readonly onClose: () => void;
}
export interface PanelProps {
  readonly conversation: Conversation;
  readonly detail: string | undefined;
  readonly onClose: () => void;
}

/** `#/NAME/SECTION` */
const SCREENS: Readonly<Record<string, LazyExoticComponent<ComponentType<ScreenProps>>>> = {
  drive: lazy(() => import("./drive")),
  settings: lazy(() => import("./settings")),
  administration: lazy(() => import("./administration")),
  invitations: lazy(() => import("./join")),
  contacts: lazy(() => import("./contacts")),
  notifications: lazy(() => import("./notifications")),
  new: lazy(() => import("./new-conversation")),
};
const ofChat = (name: keyof typeof import("./chat/panels")) => lazy(async () => ({ default: (await import("./chat/panels"))[name] }));
/** `#/conversations/ID/NAME/DETAIL` */
const PANELS: Readonly<Record<string, LazyExoticComponent<ComponentType<PanelProps>>>> = {
  ask: ofChat("ask"),
  encryption: lazy(() => import("./chat/encryption-panel")),
  edits: ofChat("edits"),
  gallery: ofChat("gallery"),
  info: ofChat("info"),
  pins: ofChat("pins"),
  scheduled: ofChat("scheduled"),
  search: ofChat("search"),
  thread: ofChat("thread"),
  group: lazy(() => import("./group")),
};

/** Says why nothing is shown, with a way back for narrow windows, which hide the list of conversations. */
export function NothingHere({ text }: { text: string }) {
  const t = useTranslations();
  return (
    <div className="empty">
      <p role="status">{text}</p>
      <button onClick={goHome}>{t("nav.back")}</button>
    </div>
  );
}

export function Stage({ place }: { place: Place & { screen: "screen" } }) {
  const t = useTranslations();
  const Found = SCREENS[place.name];
  if (!Found) return <NothingHere text={t("nav.choose")} />;
  return (
    <Suspense fallback={<p className="empty">…</p>}>
      <Found section={place.section} onClose={goHome} />
    </Suspense>
  );
}

/** The panel beside a conversation; nothing for an unknown name. */
export function Beside({ place, conversation }: { place: Place & { screen: "conversations" }; conversation: Conversation }) {
  const Found = PANELS[place.panel ?? ""];
  if (!Found) return null;
  return (
    <Suspense fallback={<aside className="beside">…</aside>}>
      <Found conversation={conversation} detail={place.detail} onClose={() => openConversation(conversation.id)} />
    </Suspense>
  );
}

export const hasPanel = (place: Place): boolean => place.screen === "conversations" && (place.panel ?? "") in PANELS;

/** Opens the details of a conversation: members, rules, invitations. */
export function DetailsButton({ id }: { id: string }) {
  const t = useTranslations();
  return (
    <button className="icon" aria-label={t("group.details")} onClick={() => openConversation(id, { panel: "group" })}>
      <Info aria-hidden />
    </button>
  );
}

export interface PanelFrameProps {
  title: string;
  onClose: () => void;
  actions?: ReactNode;
  /** Stays below the scrolling part. */
  foot?: ReactNode;
  children: ReactNode;
}

/** The frame of a panel: takes the focus when it opens, restores it when it closes, and closes on Escape. */
export function Panel({ title, onClose, actions, foot, children }: PanelFrameProps) {
  const t = useTranslations();
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  useFocusWhileOpen(heading);
  return (
    <aside
      className="beside"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) onClose();
      }}
    >
      <header className="bar">
        <h2 id={id} ref={heading} tabIndex={-1} className="grow cut">
          {title}
        </h2>
        {actions}
        <button className="icon" aria-label={t("nav.close")} onClick={onClose}>
          <X aria-hidden />
        </button>
      </header>
      <div className="scroll">{children}</div>
      {foot}
    </aside>
  );
}

/** The frame of a screen in the stage. */
export function Page({ title, onClose, actions, children }: { title: string; onClose: () => void; actions?: ReactNode; children: ReactNode }) {
  const t = useTranslations();
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  useFocusWhileOpen(heading);
  return (
    <section className="page" aria-labelledby={id}>
      <header className="bar">
        <button className="icon" aria-label={t("nav.back")} onClick={onClose}>
          <ArrowLeft aria-hidden className="flip" />
        </button>
        <h2 id={id} ref={heading} tabIndex={-1} className="grow cut">
          {title}
        </h2>
        {actions}
      </header>
      <div className="scroll">{children}</div>
    </section>
  );
}

function useFocusWhileOpen(target: { readonly current: HTMLElement | null }): void {
  useEffect(() => {
    const before = document.activeElement;
    target.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [target]);
}
