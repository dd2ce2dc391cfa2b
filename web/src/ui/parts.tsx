import type { ReactNode } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { type TextKey, useTranslations } from "../i18n";

export type Part = readonly [key: string, title: TextKey, part: ReactNode];

/** Parts of a screen as tabs; an unknown `chosen` key shows the first. */
export function Parts({
  label,
  parts,
  chosen,
  onChoose,
}: {
  label: string;
  parts: readonly Part[];
  chosen: string | undefined;
  onChoose: (key: string) => void;
}) {
  const t = useTranslations();
  const [shown] = parts.find(([key]) => key === chosen) ?? parts[0]!;
  return (
    <Tabs className="tabs" selectedKey={shown} onSelectionChange={(key) => onChoose(String(key))}>
      <TabList aria-label={label} className="tablist">
        {parts.map(([key, title]) => (
          <Tab key={key} id={key} className="tab">
            {t(title)}
          </Tab>
        ))}
      </TabList>
      {parts.map(([key, , part]) => (
        <TabPanel key={key} id={key} className="tabpanel">
          {part}
        </TabPanel>
      ))}
    </Tabs>
  );
}
