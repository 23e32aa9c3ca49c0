/** Addresses and their pages; each page is loaded when it is first opened. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";

import type { AuditFilters, RunFilters } from "./api/queries";
import { NotFound } from "./pages/NotFound";
import { patiently } from "./shell/pageModules";
import { Shell } from "./shell/Shell";
import { Failure, Loading } from "./ui/parts";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

/** Take what an address says as texts, without what is empty. */
function texts<Name extends string>(search: Record<string, unknown>): Partial<Record<Name, string>> {
  const given = Object.entries(search).filter(([, value]) => value !== "" && value != null);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)])) as Partial<Record<Name, string>>;
}

const ask = patiently(() => import("./pages/Ask"));
const dashboards = patiently(() => import("./pages/Dashboards"));
const alerts = patiently(() => import("./pages/Alerts"));

type DashboardSearch = "range" | "from" | "to" | "panel" | "environment" | "instance" | "mode" | "tenant" | "workflow";

const routes = [
  createRoute({ getParentRoute: () => root, path: "/", component: lazyRouteComponent(ask, "NewChat") }),
  createRoute({ getParentRoute: () => root, path: "/ask/$sessionId", component: lazyRouteComponent(ask, "Chat") }),
  createRoute({
    getParentRoute: () => root,
    path: "/runs",
    component: lazyRouteComponent(patiently(() => import("./pages/Runs")), "Runs"),
    validateSearch: (search): RunFilters => texts(search),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/runs/compare",
    component: lazyRouteComponent(patiently(() => import("./pages/CompareRuns")), "CompareRuns"),
    validateSearch: texts<"a" | "b">,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/runs/$runId",
    component: lazyRouteComponent(patiently(() => import("./pages/Run")), "Run"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/approvals",
    component: lazyRouteComponent(patiently(() => import("./pages/Approvals")), "Approvals"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/knowledge",
    component: lazyRouteComponent(patiently(() => import("./pages/Knowledge")), "Knowledge"),
    validateSearch: texts<"tab" | "q">,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/knowledge/$documentId",
    component: lazyRouteComponent(patiently(() => import("./pages/knowledge/Document")), "Document"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/costs",
    component: lazyRouteComponent(patiently(() => import("./pages/Costs")), "Costs"),
    validateSearch: texts<"period" | "by" | "tenant">,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/settings",
    component: lazyRouteComponent(patiently(() => import("./pages/Settings")), "Settings"),
    validateSearch: texts<"tab">,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/audit",
    component: lazyRouteComponent(patiently(() => import("./pages/Audit")), "Audit"),
    validateSearch: (search): AuditFilters => texts(search),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/retention",
    component: lazyRouteComponent(patiently(() => import("./pages/Retention")), "Retention"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/report",
    component: lazyRouteComponent(patiently(() => import("./pages/Report")), "Report"),
    validateSearch: texts<"period" | "until" | "tenant">,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/dashboards",
    component: lazyRouteComponent(dashboards, "Dashboards"),
    validateSearch: texts<DashboardSearch>,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/dashboards/$uid",
    component: lazyRouteComponent(dashboards, "OneDashboard"),
    validateSearch: texts<DashboardSearch>,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/alerts",
    component: lazyRouteComponent(alerts, "Alerts"),
    validateSearch: texts<"tab">,
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/alerts/$key",
    component: lazyRouteComponent(alerts, "OneAlert"),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
  defaultPreload: "intent",
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
