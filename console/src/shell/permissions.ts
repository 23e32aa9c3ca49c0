/** What the signed-in key may do: what it may not is not shown. */

import { useQuery } from "@tanstack/react-query";

import type { Schema } from "../api/client";
import { sessionQuery } from "../api/queries";

export type Scope = Schema<"SessionView">["scopes"][number];

export interface Permissions {
  may: (scope: Scope) => boolean;
  /** The key is for all tenants, and not one tenant's own. */
  isForAllTenants: boolean;
}

export function usePermissions(): Permissions {
  const { data } = useQuery(sessionQuery);
  const scopes = data?.scopes ?? [];
  return {
    may: (scope) => scopes.includes(scope) || scopes.includes("admin"),
    isForAllTenants: data !== undefined && data.tenant_id === null,
  };
}
