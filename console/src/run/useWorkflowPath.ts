/** The path at which a workflow is asked. */

import { useCallback } from "react";
import { useQuery } from "@tanstack/react-query";

import { workflowsQuery } from "../api/queries";

/** Return how the path is found; null: the workflow that answers where none is named. */
export function useWorkflowPath(): (workflow: string | null) => string {
  const { data } = useQuery(workflowsQuery);
  const usual = data?.workflows.find(({ is_default }) => is_default)?.name;
  return useCallback((name) => (name === null || name === usual ? "/v1/runs" : `/v1/workflows/${encodeURIComponent(name)}/runs`), [usual]);
}
