/** The button at the end of a list that is read page by page. */

import { Button } from "./parts";

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError?: boolean;
  error?: Error | null;
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
      {query.isFetchNextPageError && <p className="fault" role="alert">{query.error?.message}</p>}
    </div>
  );
}
