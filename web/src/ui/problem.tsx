/** What went wrong, told where it happened; nothing when nothing did. */
export function Problem({ text }: { text: string }) {
  return text ? (
    <p role="alert" className="problem">
      {text}
    </p>
  ) : null;
}
