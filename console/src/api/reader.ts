/** The person at this tab: what it keeps of chats goes when somebody else signs in. */

import type { Schema } from "./client";

const changes = new EventTarget();
let reader: string | null = null;

/** Call back before somebody else sees a page. */
export function onReaderChanged(call: () => void): void {
  changes.addEventListener("changed", call);
}

/** Take what the engine says of the reader; a new key of the same tenant changes nothing.
 *
 * Keys of no tenant are administrators', of whom nothing else is known: each is somebody of its own. */
export function noteReader({ tenant_id, user_id, key_id }: Schema<"SessionView">): void {
  const next = JSON.stringify([tenant_id, user_id, tenant_id === null && user_id === null ? key_id : null]);
  if (reader !== null && reader !== next) changes.dispatchEvent(new Event("changed"));
  reader = next;
}

/** The reader has signed out: nobody who comes next is taken for the same. */
export function noteSignOut(): void {
  reader = null;
  changes.dispatchEvent(new Event("changed"));
}
