/** Half-filled decisions, by what waits for them: they are there again after signing in anew. */

import { type Dispatch, type SetStateAction, useCallback, useState } from "react";

import { onReaderChanged } from "../api/reader";

const drafts = new Map<string, unknown>();

onReaderChanged(() => drafts.clear());

/** State that outlives the form. */
export function useDecisionDraft<T>(key: string, initial: () => T): [T, Dispatch<SetStateAction<T>>] {
  const [draft, setDraft] = useState<T>(() => (drafts.has(key) ? (drafts.get(key) as T) : initial()));
  const change = useCallback<Dispatch<SetStateAction<T>>>(
    (action) =>
      setDraft((last) => {
        const next = typeof action === "function" ? (action as (last: T) => T)(last) : action;
        drafts.set(key, next);
        return next;
      }),
    [key],
  );
  return [draft, change];
}

/** Name one pause of a run: a later one of the same run asks anew. */
export const pauseOf = (runId: string | null, seconds: number | undefined): string => `${runId ?? ""} ${seconds ?? 0}`;
