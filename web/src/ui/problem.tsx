/** An error text, announced by screen readers; renders nothing without a text. */
export function Problem({ text }: { text: string }) {
  return text ? (
    <p role="alert" className="problem">
      {text}
    </p>
  ) : null;
}
