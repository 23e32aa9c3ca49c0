/** What is read of the engine: while it comes, when it cannot come, and when it is there. */

import type { ReactNode } from "react";

import { Failure, Loading, NotFresh } from "./parts";

interface Query<Data> {
  data: Data | undefined;
  error: Error | null;
  refetch: () => unknown;
  /** The error is of the next page alone, and said there: see `ShowMore`. */
  isFetchNextPageError?: boolean;
}

interface ReadingProps<Data> {
  query: Query<Data>;
  label?: string;
  retry?: () => void;
  children: (data: Data) => ReactNode;
}

/** Once something is there it stays, whatever becomes of a later reading. */
export function Reading<Data>({ query, label = "Loading", retry = () => void query.refetch(), children }: ReadingProps<Data>) {
  if (query.data === undefined) return query.error ? <Failure error={query.error} retry={retry} /> : <Loading label={label} />;
  return (
    <>
      {query.error && !query.isFetchNextPageError && <NotFresh error={query.error} retry={retry} />}
      {children(query.data)}
    </>
  );
}
