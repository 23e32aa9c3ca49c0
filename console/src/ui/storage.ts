/** Choices that this browser remembers. */

import { useCallback, useState } from "react";

export function recall(name: string, fallback: string): string {
  try {
    return localStorage.getItem(`vital.${name}`) ?? fallback;
  } catch {
    return fallback; // storage is blocked
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`vital.${name}`, value);
  } catch {
    // Storage is blocked: the choice holds for this page alone.
  }
}

/** State that outlives the page. */
export function useRemembered(name: string, fallback: string): [string, (value: string) => void] {
  const [value, setValue] = useState(() => recall(name, fallback));
  const set = useCallback(
    (next: string) => {
      remember(name, next);
      setValue(next);
    },
    [name],
  );
  return [value, set];
}
