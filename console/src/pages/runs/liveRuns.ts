/** A list of runs that keeps itself fresh: its newest page, and those with runs that may still change. */

import { infiniteQueryOptions, type InfiniteData, type QueryClient, type QueryKey } from "@tanstack/react-query";

import { json, type Schema, withQuery } from "../../api/client";
import type { RunFilters } from "../../api/queries";

type Summary = Schema<"RunSummary">;
type Page = Schema<"RunPage"> & {
  /** The moment at which all of it was read, in milliseconds. */
  readAt: number;
};
type Cursor = string | undefined;

const LIVE_MILLISECONDS = 5_000;

/** The age at which a page is read again though all its runs have ended: they may be judged later, or deleted. */
const MAX_AGE_MILLISECONDS = 60_000;

/** Number of runs of a page. */
const LIMIT = 50;

/** Number of runs that the newest page may come to hold, before all pages are read anew. */
const MAX_NEWEST = 200;

const OPEN: ReadonlySet<string> = new Set(["queued", "running", "awaiting_approval"]);

/** Reads all pages when the list is invalidated, and else what may have changed. */
export const liveRunsQuery = ({ tenant, ...filters }: RunFilters) =>
  infiniteQueryOptions({
    queryKey: ["runs", tenant, filters],
    queryFn: async ({ client, queryKey, pageParam: cursor, signal }): Promise<Page> => {
      const kept = keptPage(client, queryKey, cursor);
      if (kept && cursor !== undefined) return kept;
      const page = await json<Schema<"RunPage">>(withQuery("/v1/runs", { ...filters, limit: LIMIT, cursor }), { tenant, signal });
      const fresh = { ...page, readAt: Date.now() };
      return kept ? joined(fresh, kept) : fresh;
    },
    initialPageParam: undefined as Cursor,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: LIVE_MILLISECONDS,
  });

/** A page as it was read, if its runs have ended and nothing says that they have changed. */
function keptPage(client: QueryClient, queryKey: QueryKey, cursor: Cursor): Page | undefined {
  const { data, isInvalidated } = client.getQueryState<InfiniteData<Page, Cursor>>(queryKey) ?? {};
  if (!data || isInvalidated) return undefined;
  const page = data.pages[data.pageParams.indexOf(cursor)];
  if (!page || Date.now() - page.readAt >= MAX_AGE_MILLISECONDS) return undefined;
  return cursor !== undefined && page.runs.some(isOpen) ? undefined : page;
}

const isOpen = ({ status }: Summary): boolean => OPEN.has(status);

/** The newest page, down to where the second one begins: a new run moves no run of the pages after it. */
function joined(fresh: Page, kept: Page): Page {
  const last = fresh.runs.at(-1);
  const at = kept.runs.findIndex(({ id }) => id === last?.id);
  const rest = kept.runs.slice(at + 1);
  if (at < 0 || !rest.length || rest.some(isOpen) || fresh.runs.length + rest.length > MAX_NEWEST) return fresh;
  return { runs: [...fresh.runs, ...rest], next_cursor: kept.next_cursor, readAt: kept.readAt };
}
