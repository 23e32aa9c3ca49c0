/** Requests to the engine: one place adds headers, reads problems and notices that nobody is signed in. */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Schema<Name extends keyof Schemas> = Schemas[Name];

/** An answer that is no success, as a problem detail (RFC 9457) or whatever came instead. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: ReadonlyArray<{ field: string; message: string }> = [],
  ) {
    super(message);
  }
}

export const UNREACHABLE = "The engine does not answer. Check that it runs, and try again.";

interface Options {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  /** The tenant that the request is for; undefined: whatever the key allows. */
  tenant?: string | undefined;
  signal?: AbortSignal;
}

const signedOut = new EventTarget();

export const noteSignedOut = (): void => void signedOut.dispatchEvent(new Event("signed-out"));

/** Call back whenever the engine asks for a key. */
export function onSignedOut(call: () => void): () => void {
  signedOut.addEventListener("signed-out", call);
  return () => signedOut.removeEventListener("signed-out", call);
}

export async function send(path: string, { method = "GET", body, headers = {}, tenant, signal }: Options = {}): Promise<Response> {
  const all: Record<string, string> = { ...headers };
  if (method !== "GET") all["X-Vital-Console"] = "1"; // a page of another origin cannot send it
  if (body !== undefined) all["Content-Type"] = "application/json";
  if (tenant) all["X-Tenant-ID"] = tenant;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: all,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, UNREACHABLE);
  }
  if (response.ok) return response;
  if (response.status === 401 && path !== "/v1/session") noteSignedOut();
  throw await problemOf(response);
}

export async function json<T>(path: string, options?: Options): Promise<T> {
  const response = await send(path, options);
  return (await response.json()) as T;
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const { detail, errors, error } = JSON.parse(text);
    return new Problem(response.status, detail ?? error?.message ?? `The engine answered ${response.status}.`, errors ?? []);
  } catch {
    return new Problem(response.status, `The engine answered ${response.status}.`);
  }
}

/** Write a query, without what is not chosen. */
export function withQuery(path: string, values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== "") query.set(name, String(value));
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
