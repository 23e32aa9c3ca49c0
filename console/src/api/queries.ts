/** What pages read, each with its key in the cache. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { json, type Schema, withQuery } from "./client";
import { noteReader } from "./reader";

export type RunFilters = Partial<
  Record<
    | "status" | "workflow" | "mode" | "user" | "model" | "text" | "degraded" | "feedback"
    | "min_cost_dollars" | "max_cost_dollars" | "min_seconds" | "max_seconds" | "from" | "to",
    string
  >
> & { tenant?: string };

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async () => {
    const session = await json<Schema<"SessionView">>("/v1/session");
    noteReader(session);
    return session;
  },
  staleTime: 60_000,
  retry: false,
});

export const agentsQuery = (tenant?: string) =>
  queryOptions({
    queryKey: ["agents", tenant],
    queryFn: () => json<Schema<"AgentList">>("/v1/agents", { tenant }),
    staleTime: 60_000,
  });

export const workflowsQuery = queryOptions({
  queryKey: ["workflows"],
  queryFn: () => json<Schema<"WorkflowList">>("/v1/workflows"),
  staleTime: Infinity,
});

export const runQuery = (id: string) =>
  queryOptions({ queryKey: ["run", id], queryFn: () => json<Schema<"RunView">>(`/v1/runs/${encodeURIComponent(id)}`) });

export const chargesQuery = (id: string) =>
  queryOptions({
    queryKey: ["charges", id],
    queryFn: () => json<Schema<"RunCharges">>(`/v1/runs/${encodeURIComponent(id)}/charges`),
  });

export const modelCallsQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "model-calls"],
    queryFn: () => json<Schema<"RunModelCalls">>(`/v1/runs/${encodeURIComponent(id)}/model-calls`),
  });

export const feedbackQuery = (id: string) =>
  queryOptions({
    queryKey: ["feedback", id],
    queryFn: () => json<Schema<"FeedbackList">>(`/v1/runs/${encodeURIComponent(id)}/feedback`),
  });

export const approvalsQuery = (tenant?: string) =>
  infiniteQueryOptions({
    queryKey: ["approvals", tenant],
    queryFn: ({ pageParam }) => json<Schema<"ApprovalPage">>(withQuery("/v1/approvals", { limit: 100, cursor: pageParam }), { tenant }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 15_000,
  });

export const conversationsQuery = (text: string, tenant?: string) =>
  infiniteQueryOptions({
    queryKey: ["conversations", tenant, text],
    queryFn: ({ pageParam }) =>
      json<Schema<"ConversationPage">>(withQuery("/v1/conversations", { text, limit: 40, cursor: pageParam }), { tenant }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

const DOCUMENTS = 100;

export const documentsQuery = (tenant?: string) =>
  infiniteQueryOptions({
    queryKey: ["documents", tenant],
    queryFn: ({ pageParam }) => json<Schema<"DocumentList">>(withQuery("/v1/documents", { limit: DOCUMENTS, offset: pageParam }), { tenant }),
    initialPageParam: 0,
    getNextPageParam: (page, pages) => (page.documents.length < DOCUMENTS ? undefined : pages.length * DOCUMENTS),
  });

const PASSAGES = 50;

export const passagesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["documents", "passages", id],
    queryFn: ({ pageParam }) =>
      json<Schema<"DocumentPassages">>(withQuery(`/v1/documents/${encodeURIComponent(id)}/passages`, { limit: PASSAGES, offset: pageParam })),
    initialPageParam: 0,
    getNextPageParam: (page, pages) => (page.passages.length < PASSAGES ? undefined : pages.length * PASSAGES),
  });

export const searchQuery = (query: string, tenant: string) =>
  queryOptions({
    queryKey: ["documents", "search", tenant, query],
    queryFn: () => json<Schema<"DocumentSearch">>(withQuery("/v1/documents/search", { query }), { tenant }),
  });

export const costsQuery = (by: string, from: string | undefined, tenant?: string) =>
  queryOptions({
    queryKey: ["costs", tenant, by, from],
    queryFn: () => json<Schema<"CostReport">>(withQuery("/v1/costs", { group_by: by, from, format: "json" }), { tenant }),
  });

export const forecastQuery = (tenant?: string) =>
  queryOptions({ queryKey: ["costs", "forecast", tenant], queryFn: () => json<Schema<"MonthForecasts">>("/v1/costs/forecast", { tenant }) });

export const budgetsQuery = (tenant?: string) =>
  queryOptions({ queryKey: ["budgets", tenant], queryFn: () => json<Schema<"BudgetList">>("/v1/budgets", { tenant }) });

export const usageLimitsQuery = infiniteQueryOptions({
  queryKey: ["limits"],
  queryFn: ({ pageParam }) => json<Schema<"LimitList">>(withQuery("/v1/limits", { limit: 50, cursor: pageParam })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
  refetchInterval: 15_000,
});

export const toolsQuery = queryOptions({ queryKey: ["tools"], queryFn: () => json<Schema<"ToolList">>("/v1/tools"), staleTime: 60_000 });

export const providersQuery = queryOptions({
  queryKey: ["providers"],
  queryFn: () => json<Schema<"ProviderList">>("/v1/providers"),
  refetchInterval: 15_000,
});

export const keysQuery = queryOptions({ queryKey: ["keys"], queryFn: () => json<Schema<"KeyList">>("/v1/keys") });

export const reportQuery = (period: string, until: string | undefined, tenant?: string) =>
  queryOptions({
    queryKey: ["report", tenant, period, until],
    queryFn: () => json<Schema<"Report">>(withQuery("/v1/report", { period, until }), { tenant }),
    staleTime: 60_000,
  });

export const dashboardsQuery = queryOptions({ queryKey: ["dashboards"], queryFn: () => json<Schema<"DashboardList">>("/v1/dashboards"), staleTime: Infinity });

export const dashboardQuery = (uid: string) =>
  queryOptions({
    queryKey: ["dashboards", uid],
    queryFn: () => json<Schema<"DashboardView">>(`/v1/dashboards/${encodeURIComponent(uid)}`),
    refetchInterval: 60_000,
  });

export const panelQuery = (uid: string, panel: number, { from, to, step }: { from: number; to: number; step: number }, choices: Record<string, string>) =>
  queryOptions({
    queryKey: ["dashboards", uid, panel, from, to, step, choices],
    queryFn: ({ signal }) =>
      json<Schema<"PanelData">>(withQuery(`/v1/dashboards/${encodeURIComponent(uid)}/panels/${panel}/data`, { from, to, step, ...choices }), { signal }),
    gcTime: 30_000,
  });

export const alertRulesQuery = queryOptions({
  queryKey: ["alerts", "rules"],
  queryFn: () => json<Schema<"AlertRuleList">>("/v1/alerts/rules"),
  refetchInterval: 15_000,
});

export const alertRuleQuery = (key: string) =>
  queryOptions({ queryKey: ["alerts", "rules", key], queryFn: () => json<Schema<"AlertRuleDetail">>(`/v1/alerts/rules/${encodeURIComponent(key)}`), refetchInterval: 15_000 });

export const notificationsQuery = queryOptions({ queryKey: ["alerts"], queryFn: () => json<Schema<"AlertList">>("/v1/alerts?limit=50"), refetchInterval: 15_000 });

export const silencesQuery = queryOptions({ queryKey: ["silences"], queryFn: () => json<Schema<"SilenceList">>("/v1/silences"), refetchInterval: 30_000 });

export type AuditFilters = Partial<Record<"action" | "actor" | "object" | "person" | "from" | "to", string>> & { tenant?: string };

export const auditQuery = ({ tenant, ...filters }: AuditFilters) =>
  infiniteQueryOptions({
    queryKey: ["audit", tenant, filters],
    queryFn: ({ pageParam }) => json<Schema<"AuditPage">>(withQuery("/v1/audit", { ...filters, limit: 50, cursor: pageParam }), { tenant }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export const retentionQuery = queryOptions({ queryKey: ["retention"], queryFn: () => json<Schema<"RetentionView">>("/v1/retention") });
