/** The user and the tenant of requests: a tenant's own key decides that, else it is chosen here. */

import { useSyncExternalStore } from "react";
import { useQuery } from "@tanstack/react-query";

import { sessionQuery } from "../api/queries";
import { recall, remember } from "../ui/storage";

const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

function choose(name: string, value: string): void {
  remember(name, value);
  for (const listener of listeners) listener();
}

export const chooseTenant = (tenant: string) => choose("tenant", tenant);
export const chooseUser = (user: string) => choose("user", user);

export const ID = /^[A-Za-z0-9][A-Za-z0-9_.:@\-]{0,127}$/; // escaped as the attribute pattern wants it

/** The user in whose name this browser acts: a token's, else the chosen one. */
export function useUser(): string {
  const { data } = useQuery(sessionQuery);
  const chosen = useSyncExternalStore(subscribe, () => recall("user", "console"));
  return data?.user_id ?? chosen;
}

/** The tenant that a question is asked for, and whether it may be chosen. */
export function useTenant(): { tenant: string; isFixed: boolean } {
  const { data } = useQuery(sessionQuery);
  const chosen = useSyncExternalStore(subscribe, () => recall("tenant", "acme"));
  return data?.tenant_id ? { tenant: data.tenant_id, isFixed: true } : { tenant: chosen, isFixed: false };
}
