/** The questions that are being written, by conversation: they are there again after signing in anew. */

import { useCallback, useState } from "react";

import { onReaderChanged } from "../../api/reader";

interface Draft {
  query: string;
  /** What the workflow is given beside the question, as it is typed. */
  values: Readonly<Record<string, string>>;
}

const NONE: Draft = { query: "", values: {} };

const drafts = new Map<string, Draft>();

onReaderChanged(() => drafts.clear());

/** Read and write the draft of a conversation; null: one that is not begun. */
export function useDraft(tenant: string, sessionId: string | null): [Draft, (part: Partial<Draft>) => void] {
  const key = `${tenant} ${sessionId ?? ""}`;
  const [draft, setDraft] = useState(() => drafts.get(key) ?? NONE);
  const change = useCallback(
    (part: Partial<Draft>) =>
      setDraft((last) => {
        const next = { ...last, ...part };
        drafts.set(key, next);
        return next;
      }),
    [key],
  );
  return [draft, change];
}
