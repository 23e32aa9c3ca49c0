/** Whether the screen is a narrow one, as the styles say it too. */

import { useSyncExternalStore } from "react";

const narrow = window.matchMedia("(max-width: 760px)");

const subscribe = (listener: () => void) => {
  narrow.addEventListener("change", listener);
  return () => narrow.removeEventListener("change", listener);
};

export const useIsNarrow = (): boolean => useSyncExternalStore(subscribe, () => narrow.matches);
