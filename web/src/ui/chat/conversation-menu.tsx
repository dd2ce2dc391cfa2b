/** The menu of a conversation: further panels, and the jump to a date. */
import { CalendarClock, CalendarDays, EllipsisVertical, Images, Pin, Sparkles } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button, I18nProvider, Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import type { Conversation } from "../../engine";
import { useLanguage } from "../../i18n";
import { FormEnd } from "../form-end";
import { localInput } from "../hooks";
import { openConversation } from "../places";
import { Sheet } from "../sheet";
import { jumpIn } from "./jumps";

const PANELS = [
  { id: "pins", label: "chat.pins", Icon: Pin },
  { id: "gallery", label: "chat.gallery", Icon: Images },
  { id: "scheduled", label: "later.list", Icon: CalendarClock },
  { id: "ask", label: "ai.help", Icon: Sparkles },
] as const;

export default function ConversationMenu({ conversation }: { conversation: Conversation }) {
  const { t, locale } = useLanguage();
  const [dating, setDating] = useState(false);
  function jump(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const [year = 0, month = 1, day = 1] = String(new FormData(event.currentTarget).get("date")).split("-").map(Number);
    setDating(false);
    void jumpIn(conversation.id, { date: new Date(year, month - 1, day) });
  }
  return (
    <I18nProvider locale={locale}>
      <MenuTrigger>
        <Button className="icon" aria-label={t("chat.more_of_conversation")}>
          <EllipsisVertical aria-hidden />
        </Button>
        <Popover className="popover" placement="bottom end">
          <Menu
            className="menu"
            onAction={(key) => (key === "date" ? setDating(true) : openConversation(conversation.id, { panel: String(key) }))}
          >
            <MenuItem id="date" className="menu-item" textValue={t("chat.to_date")}>
              <CalendarDays aria-hidden /> {t("chat.to_date")}
            </MenuItem>
            {PANELS.map(({ id, label, Icon }) => (
              <MenuItem key={id} id={id} className="menu-item" textValue={t(label)}>
                <Icon aria-hidden /> {t(label)}
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
      {dating && (
        <Sheet title={t("chat.to_date")} onClose={() => setDating(false)}>
          <form className="form" onSubmit={jump}>
            <label className="field">
              <span>{t("chat.date")}</span>
              <input type="date" name="date" required max={localInput(new Date()).slice(0, 10)} min={conversation.created_at.slice(0, 10)} autoFocus />
            </label>
            <FormEnd go={t("chat.go")} onCancel={() => setDating(false)} />
          </form>
        </Sheet>
      )}
    </I18nProvider>
  );
}
