/** The command palette, which opens conversations and runs commands; and the sheet of shortcuts. */
import { Autocomplete, Dialog, Input, Menu, MenuItem, Modal, ModalOverlay, SearchField, useFilter } from "react-aria-components";
import type { Conversation } from "../engine";
import { useTranslations } from "../i18n";
import { Sheet } from "./sheet";
import { chooseTheme } from "../preferences";
import { useEngine, useValue } from "./hooks";
import { useTitle } from "./people";
import { openConversation, openScreen } from "./places";
import { SHORTCUTS } from "./shortcuts";
import { signOut } from "./sign-out";

export type Front = "palette" | "sheet";

export default function InFront({ front, onClose, onFront }: { front: Front; onClose: () => void; onFront: (front: Front) => void }) {
  return front === "palette" ? <Palette onClose={onClose} onSheet={() => onFront("sheet")} /> : <ShortcutSheet onClose={onClose} />;
}

interface Command {
  readonly id: string;
  readonly text: string;
  readonly act: () => void;
}

function Palette({ onClose, onSheet }: { onClose: () => void; onSheet: () => void }) {
  const t = useTranslations();
  const engine = useEngine();
  const me = useValue(engine.auth.me);
  const { items } = useValue(engine.conversations.list);
  const { contains } = useFilter({ sensitivity: "base" });
  const dark = () => document.documentElement.dataset.theme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const commands: readonly Command[] = [
    { id: "new", text: t("nav.new"), act: () => openScreen("new") },
    { id: "notifications", text: t("bell.title"), act: () => openScreen("notifications") },
    { id: "contacts", text: t("contacts.title"), act: () => openScreen("contacts") },
    { id: "drive", text: t("nav.drive"), act: () => openScreen("drive") },
    { id: "settings", text: t("nav.settings"), act: () => openScreen("settings") },
    { id: "security", text: `${t("nav.settings")}: ${t("settings.security")}`, act: () => openScreen("settings", "security") },
    { id: "sessions", text: `${t("nav.settings")}: ${t("settings.sessions")}`, act: () => openScreen("settings", "sessions") },
    { id: "privacy", text: `${t("nav.settings")}: ${t("settings.privacy")}`, act: () => openScreen("settings", "privacy") },
    ...(me?.role === "admin" ? [{ id: "administration", text: t("nav.administration"), act: () => openScreen("administration") }] : []),
    { id: "theme", text: t("palette.theme"), act: () => chooseTheme(dark() ? "light" : "dark") },
    { id: "sheet", text: t("shortcuts.title"), act: onSheet },
    { id: "sign-out", text: t("nav.sign_out"), act: () => void signOut(engine) },
  ];
  const act = (key: string) => {
    onClose();
    const command = commands.find((each) => each.id === key);
    if (command) command.act();
    else openConversation(key);
  };
  return (
    <ModalOverlay isOpen isDismissable onOpenChange={(open) => open || onClose()} className="veil top">
      <Modal className="sheet palette">
        <Dialog aria-label={t("palette.title")} className="palette-dialog">
          <Autocomplete filter={contains}>
            <SearchField aria-label={t("palette.hint")} autoFocus>
              <Input placeholder={t("palette.hint")} />
            </SearchField>
            <Menu className="menu" aria-label={t("palette.title")} onAction={(key) => act(String(key))} renderEmptyState={() => <p className="empty">{t("palette.none")}</p>}>
              {[
                ...items.map((each) => <Jump key={each.id} conversation={each} />),
                ...commands.map(({ id, text }) => (
                  <MenuItem key={id} id={id} textValue={text} className="menu-item">
                    {text}
                  </MenuItem>
                )),
              ]}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Jump({ conversation }: { conversation: Conversation }) {
  const title = useTitle(conversation);
  return (
    <MenuItem id={conversation.id} textValue={title} className="menu-item">
      <span className="avatar" aria-hidden>
        {[...title][0]}
      </span>
      <span dir="auto">{title}</span>
    </MenuItem>
  );
}

function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const t = useTranslations();
  return (
    <Sheet title={t("shortcuts.title")} onClose={onClose}>
      <dl className="facts">
        {SHORTCUTS.map(({ keys, text }) => (
          <div key={text} className="pair">
            <dt>
              {keys.map((each) => (
                <kbd key={each}>{each}</kbd>
              ))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <p className="row">
        <button onClick={onClose} autoFocus>
          {t("nav.close")}
        </button>
      </p>
    </Sheet>
  );
}
