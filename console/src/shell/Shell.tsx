/** What is around every page: the navigation, who is signed in, and the theme. */

import { useEffect } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { BookOpen } from "lucide-react";

import { onSignedOut, Problem } from "../api/client";
import { approvalsQuery, sessionQuery } from "../api/queries";
import { PAGES } from "../pages/registry";
import { SignIn } from "../pages/SignIn";
import { Failure, Loading } from "../ui/parts";
import { Account } from "./Account";
import { Mark } from "./Mark";
import { usePermissions } from "./permissions";
import { ThemeChoice } from "./ThemeChoice";

export function Shell() {
  const client = useQueryClient();
  const session = useQuery(sessionQuery);
  const { may, isForAllTenants } = usePermissions();
  useEffect(() => onSignedOut(() => void client.invalidateQueries({ queryKey: ["session"] })), [client]);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isAt = (page: string) => (page === "/" ? path === "/" || path.startsWith("/ask/") : path === page || path.startsWith(`${page}/`));
  useTitle(PAGES.find((page) => isAt(page.path))?.label);
  if (session.isPending) return <Loading label="Connecting" />;
  if (session.error) {
    if (session.error instanceof Problem && session.error.status === 401) return <SignIn />;
    return <Failure error={session.error} retry={() => void session.refetch()} />;
  }
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to content</a>
      <nav className="nav" aria-label="Pages">
        <Link to="/" className="nav-brand" aria-label="VITAL">
          <Mark /> <span>VITAL</span>
        </Link>
        <ul className="nav-pages">
          {PAGES.filter(({ scope = "ask", isOfAllTenants = false }) => may(scope) && (isForAllTenants || !isOfAllTenants)).map(({ path, label, icon: Icon }) => (
            <li key={path}>
              <Link to={path} className={isAt(path) ? "nav-link nav-link-active" : "nav-link"} aria-current={isAt(path) ? "page" : undefined}>
                <Icon aria-hidden />
                <span>{label}</span>
                {path === "/approvals" && <Waiting />}
              </Link>
            </li>
          ))}
        </ul>
        <div className="nav-end">
          <a className="nav-link" href="/docs">
            <BookOpen aria-hidden />
            <span>API</span>
          </a>
          <ThemeChoice />
          <Account session={session.data} />
        </div>
      </nav>
      <Outlet />
    </div>
  );
}

/** How many runs wait for a decision. */
function Waiting() {
  const { data } = useQuery(approvalsQuery());
  const waiting = data?.approvals.length ?? 0;
  if (!waiting) return null;
  return (
    <span className="nav-count">
      {data?.next_cursor ? `${waiting}+` : waiting}
      <span className="sr-only"> waiting</span>
    </span>
  );
}

function useTitle(label: string | undefined): void {
  useEffect(() => {
    document.title = label ? `${label} · VITAL` : "VITAL";
  }, [label]);
}
