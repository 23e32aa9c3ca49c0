/** What is around every page: the navigation, who is signed in, and the theme. */

import { useEffect } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";

import { onSignedOut, Problem } from "../api/client";
import { sessionQuery } from "../api/queries";
import { PAGES } from "../pages/registry";
import { SignIn } from "../pages/SignIn";
import { Failure, Loading } from "../ui/parts";
import { Mark } from "./Mark";
import { More } from "./More";
import { useIsNarrow } from "./narrow";
import { NavEnd } from "./NavEnd";
import { PageLink } from "./PageLink";
import { usePermissions } from "./permissions";

/** A telephone's bar holds these, and "More" has the others. */
const PAGES_IN_BAR = 4;

export function Shell() {
  const client = useQueryClient();
  const session = useQuery(sessionQuery);
  const { may, isForAllTenants } = usePermissions();
  useEffect(() => onSignedOut(() => void client.invalidateQueries({ queryKey: ["session"] })), [client]);
  const isNarrow = useIsNarrow();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isAt = (page: string) => (page === "/" ? path === "/" || path.startsWith("/ask/") : path === page || path.startsWith(`${page}/`));
  useTitle(PAGES.find((page) => isAt(page.path))?.label);
  if (session.error instanceof Problem && session.error.status === 401) return <SignIn wasSignedIn={session.data !== undefined && !session.data.is_open} />;
  if (!session.data) return session.error ? <Failure error={session.error} retry={() => void session.refetch()} /> : <Loading label="Connecting" />;
  const pages = PAGES.filter(({ scope = "ask", isOfAllTenants = false }) => may(scope) && (isForAllTenants || !isOfAllTenants));
  const shown = isNarrow ? pages.slice(0, PAGES_IN_BAR) : pages;
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to content</a>
      <nav className="nav" aria-label="Pages">
        <Link to="/" className="nav-brand" aria-label="VITAL">
          <Mark /> <span>VITAL</span>
        </Link>
        <ul className="nav-pages">
          {shown.map((page) => <li key={page.path}><PageLink page={page} isCurrent={isAt(page.path)} /></li>)}
          {isNarrow && (
            <li>
              <More key={path} pages={pages.slice(PAGES_IN_BAR)} isAt={isAt} session={session.data} />
            </li>
          )}
        </ul>
        {!isNarrow && <div className="nav-end"><NavEnd session={session.data} /></div>}
      </nav>
      <Outlet />
    </div>
  );
}

function useTitle(label: string | undefined): void {
  useEffect(() => {
    document.title = label ? `${label} · VITAL` : "VITAL";
  }, [label]);
}
