/** A person's `@username`, left to right in every language: beside Arabic, the `@` would stand behind the name. */
export const Username = ({ of }: { of: { readonly username: string } }) => <small dir="ltr">@{of.username}</small>;
