/**
 * The pages, in the order of the navigation.
 *
 * A page more is one line here and one file with a component of that name; the engine serves its address
 * once it stands in `CONSOLE_PAGES` of `ai_engine/console_pages.py`.
 */

import type { ComponentType } from "react";
import { BellRing, ChartLine, ClipboardList, Coins, Hourglass, Inbox, Library, MessagesSquare, Rows3, ScrollText, Settings } from "lucide-react";

import type { Scope } from "../shell/permissions";

export interface Page {
  path: string;
  label: string;
  icon: ComponentType<{ "aria-hidden"?: boolean }>;
  /** The scope that a key needs to see it; without: "ask". */
  scope?: Scope;
  /** It shows figures of all tenants together, so that one tenant's key does not see it. */
  isOfAllTenants?: boolean;
}

export const PAGES: readonly Page[] = [
  { path: "/", label: "Ask", icon: MessagesSquare },
  { path: "/runs", label: "Runs", icon: Rows3 },
  { path: "/approvals", label: "Approvals", icon: Inbox },
  { path: "/dashboards", label: "Dashboards", icon: ChartLine, scope: "costs", isOfAllTenants: true },
  { path: "/alerts", label: "Alerts", icon: BellRing, scope: "costs", isOfAllTenants: true },
  { path: "/costs", label: "Costs", icon: Coins, scope: "costs" },
  { path: "/report", label: "Report", icon: ClipboardList, scope: "costs" },
  { path: "/knowledge", label: "Knowledge", icon: Library },
  { path: "/audit", label: "Audit log", icon: ScrollText, scope: "admin" },
  { path: "/retention", label: "Retention", icon: Hourglass, scope: "admin" },
  { path: "/settings", label: "Settings", icon: Settings, scope: "admin" },
];
