/** The button at the end of a list that is read page by page. */

import { Button } from "./parts";

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

export function ShowMore({ query, label }: { query: Paged; label: string }) {
  if (!query.hasNextPage) return null;
  // Not `disabled` while it loads: a disabled button loses the keyboard's focus.
  return (
    <div className="more">
      <Button onClick={() => !query.isFetchingNextPage && void query.fetchNextPage()} aria-disabled={query.isFetchingNextPage}>
        {query.isFetchingNextPage ? "Loading …" : label}
      </Button>
    </div>
  );
}
