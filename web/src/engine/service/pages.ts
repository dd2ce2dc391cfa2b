/** Reading lists that the service gives in pages. */

const PAGE_SIZE = 100;

/** The items of all pages, in order; `fetch` gets the query of each page. */
export async function allItems<T>(fetch: (query: { limit: number; cursor?: string }) => Promise<{ items: T[]; next_cursor: string | null }>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await fetch({ limit: PAGE_SIZE, ...(cursor && { cursor }) });
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}
