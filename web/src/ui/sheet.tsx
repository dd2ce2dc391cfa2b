/** A modal dialog with a focus trap, which restores the focus on closing; Escape and a press outside close it. */
import type { ReactNode } from "react";
import { Dialog, Heading, I18nProvider, Modal, ModalOverlay } from "react-aria-components";
import { useLanguage } from "../i18n";

export function Sheet({ title, wide = false, onClose, children }: { title: string; wide?: boolean; onClose: () => void; children: ReactNode }) {
  const { locale } = useLanguage();
  return (
    <I18nProvider locale={locale}>
      <ModalOverlay className="veil" isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
        <Modal className={wide ? "sheet wide" : "sheet"}>
          <Dialog className="sheet-body">
            <Heading slot="title">{title}</Heading>
            {children}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </I18nProvider>
  );
}
