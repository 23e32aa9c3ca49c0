/** Signing in with a key; the engine keeps it in a session, and this page forgets it. */

import { type FormEvent, useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { send } from "../api/client";
import { Mark } from "../shell/Mark";
import { Button, Field } from "../ui/parts";

/** @param wasSignedIn - whether the engine has ended a session of this page. */
export function SignIn({ wasSignedIn }: { wasSignedIn: boolean }) {
  const [key, setKey] = useState("");
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: () => send("/v1/session", { method: "POST", headers: { Authorization: `Bearer ${key.trim()}` } }),
    onSuccess: () => {
      setKey("");
      return client.resetQueries();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <main className="sign-in" id="main">
      <form className="card" onSubmit={submit}>
        <Mark />
        <h1>Sign in to VITAL</h1>
        {wasSignedIn && (
          <p className="notice" role="status">
            You are no longer signed in: your key has expired or was revoked, or the session is over. Sign in to go on where you were.
          </p>
        )}
        <p className="quiet">Use the key that your operator made for you.</p>
        <Field label="Key">
          <input
            type="password"
            autoFocus
            autoComplete="current-password"
            placeholder="vital_…"
            required
            value={key}
            onChange={({ target }) => setKey(target.value)}
            aria-invalid={signIn.isError}
          />
        </Field>
        {signIn.isError && <p className="fault" role="alert">{signIn.error.message}</p>}
        <Button kind="primary" type="submit" disabled={signIn.isPending || !key.trim()}>
          {signIn.isPending ? "Signing in …" : "Sign in"}
        </Button>
        <p className="field-hint">
          An operator makes one with <code>vital keys create --tenant NAME --scope ask</code>.
        </p>
      </form>
    </main>
  );
}
