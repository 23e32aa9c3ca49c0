/**
 * The pages, in the order of the navigation.
 *
 * A page more is one line here and one file with a component of that name; the engine serves its address
 * once it stands in `CONSOLE_PAGES` of `ai_engine/api/console.py`.
 */

import type { ComponentType } from "react";
import { Inbox, Library, MessagesSquare, Rows3 } from "lucide-react";

export interface Page {
  path: string;
  label: string;
  icon: ComponentType<{ "aria-hidden"?: boolean }>;
}

export const PAGES: readonly Page[] = [
  { path: "/", label: "Ask", icon: MessagesSquare },
  { path: "/runs", label: "Runs", icon: Rows3 },
  { path: "/approvals", label: "Approvals", icon: Inbox },
  { path: "/knowledge", label: "Knowledge", icon: Library },
];
