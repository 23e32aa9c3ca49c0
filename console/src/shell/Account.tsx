/** Who is signed in, and for whom questions are asked. */

import { useState } from "react";
import { Dialog } from "@ark-ui/react/dialog";
import { Portal } from "@ark-ui/react/portal";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleUser, LogOut } from "lucide-react";

import { type Schema, send } from "../api/client";
import { noteSignOut } from "../api/reader";
import { Button, Field } from "../ui/parts";
import { chooseTenant, chooseUser, ID, useTenant, useUser } from "./identity";

export function Account({ session }: { session: Schema<"SessionView"> }) {
  const { tenant, isFixed } = useTenant();
  const user = useUser();
  const [isOpen, setOpen] = useState(false);
  const [draft, setDraft] = useState({ tenant, user });
  const client = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => send("/v1/session", { method: "DELETE" }),
    onSuccess: () => {
      noteSignOut();
      return client.resetQueries();
    },
  });
  const isWrong = !ID.test(draft.tenant) || !ID.test(draft.user);
  return (
    <Dialog.Root open={isOpen} onOpenChange={({ open }) => { setDraft({ tenant, user }); setOpen(open); }} lazyMount unmountOnExit>
      <Dialog.Trigger className="nav-link nav-account">
        <CircleUser aria-hidden />
        <span>
          <strong>{session.user_id ?? (session.key_name || (session.is_open ? "This machine" : "Signed in"))}</strong>
          <small>{tenant}</small>
        </span>
      </Dialog.Trigger>
      <Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Positioner className="positioner">
          <Dialog.Content className="dialog">
            <Dialog.Title>Account</Dialog.Title>
            <Dialog.Description>
              {session.is_open
                ? "This engine has no keys, so it serves its own machine alone and asks nobody who they are."
                : session.user_id
                  ? `Signed in by your identity provider (${session.scopes.join(", ") || "nothing is allowed"}).`
                  : `Signed in with the key ${session.key_id} (${session.scopes.join(", ")}).`}
            </Dialog.Description>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                if (!isFixed) chooseTenant(draft.tenant);
                if (session.user_id === null) chooseUser(draft.user);
                setOpen(false);
              }}
            >
              <Field label="Tenant" hint={isFixed ? "The key belongs to this tenant." : "Questions are asked for this tenant."}>
                <input value={draft.tenant} readOnly={isFixed} onChange={({ target }) => setDraft({ ...draft, tenant: target.value })} />
              </Field>
              <Field label="Your name" hint="Stored with your questions, decisions and feedback.">
                <input value={draft.user} readOnly={session.user_id !== null} onChange={({ target }) => setDraft({ ...draft, user: target.value })} />
              </Field>
              {isWrong && <p className="fault">Both take 1 to 128 letters, digits and _ . : @ -</p>}
              <div className="row">
                <Button kind="primary" type="submit" disabled={isWrong}>Save</Button>
                <Dialog.CloseTrigger className="button button-plain">Cancel</Dialog.CloseTrigger>
                {session.key_id !== null && (
                  <Button kind="ghost" className="push" onClick={() => signOut.mutate()}>
                    <LogOut aria-hidden /> Sign out
                  </Button>
                )}
              </div>
            </form>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
