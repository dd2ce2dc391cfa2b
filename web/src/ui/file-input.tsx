import type { ComponentProps } from "react";

type Files = readonly [File, ...File[]];

/** The system's choice of files. The same file can be chosen again, for example after it was refused. */
export function FileInput({ onFiles, ...input }: { onFiles: (files: Files) => void } & Omit<ComponentProps<"input">, "type" | "onChange">) {
  return (
    <input
      type="file"
      {...input}
      onChange={({ target }) => {
        const [first, ...others] = target.files ?? [];
        target.value = ""; // otherwise choosing the same file would not be a change
        if (first) onFiles([first, ...others]);
      }}
    />
  );
}
