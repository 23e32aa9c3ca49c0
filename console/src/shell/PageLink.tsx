/** The link to a page, in the navigation. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { approvalsQuery } from "../api/queries";
import type { Page } from "../pages/registry";

export function PageLink({ page: { path, label, icon: Icon }, isCurrent }: { page: Page; isCurrent: boolean }) {
  return (
    <Link to={path} className={isCurrent ? "nav-link nav-link-active" : "nav-link"} aria-current={isCurrent ? "page" : undefined}>
      <Icon aria-hidden />
      <span>{label}</span>
      {path === "/approvals" && <Waiting />}
    </Link>
  );
}

/** How many runs wait for a decision. */
function Waiting() {
  const { data, hasNextPage } = useInfiniteQuery(approvalsQuery());
  const waiting = data?.pages.flatMap((page) => page.approvals).length ?? 0;
  if (!waiting) return null;
  return (
    <span className="nav-count">
      {hasNextPage ? `${waiting}+` : waiting}
      <span className="sr-only"> waiting</span>
    </span>
  );
}
