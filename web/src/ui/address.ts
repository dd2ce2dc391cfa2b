/** E-mail addresses as the service knows them: with a domain in ASCII, as mail is sent. */

/** Of the field for an address. Chromium converts what is typed into one of the type "email" by older rules (below). */
export const ADDRESS_FIELD = { inputMode: "email", autoComplete: "email", autoCapitalize: "none", pattern: "[^@\\s]+@[^@\\s]+" } as const;

/**
 * The address with its domain in ASCII, converted as in links (UTS #46): of "faß.example" Chromium's field makes
 * "fass.example", which is somebody else's domain. What has no such domain, as a username, stays as it is.
 */
export function asciiAddress(given: string): string {
  const [, name, domain] = /^(.*@)([^@/?#:%\\\s]*[^\x00-\x7f][^@/?#:%\\\s]*)$/s.exec(given) ?? [];
  const link = `https://${domain}`;
  return domain && URL.canParse(link) ? name + new URL(link).hostname : given;
}
