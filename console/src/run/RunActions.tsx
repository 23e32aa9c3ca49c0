/** What can be done with a run that has ended: ask it again, and make it a test case. */

import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FlaskConical, RotateCcw } from "lucide-react";

import { json, Problem, type Schema } from "../api/client";
import { Button } from "../ui/parts";
import { askedIn, LiveRun } from "./live";
import { TestCaseDialog } from "./TestCaseDialog";
import { useTestCases } from "./testCases";
import { useWorkflowPath } from "./useWorkflowPath";

type View = Schema<"RunView">;

export function RunActions({ view }: { view: View }) {
  const navigate = useNavigate();
  const pathOf = useWorkflowPath();
  const { add } = useTestCases();
  const [isAdding, setAdding] = useState(false);
  const again = useMutation({
    mutationFn: () => askAgain(view, pathOf(view.workflow)),
    onSuccess: (runId) => void navigate({ to: "/runs/$runId", params: { runId } }),
  });
  return (
    <div className="row run-actions">
      <Button small onClick={() => again.mutate()} disabled={again.isPending}><RotateCcw aria-hidden /> Run again</Button>
      <Button small onClick={() => setAdding(true)}><FlaskConical aria-hidden /> Make it a test case</Button>
      {again.isError && <p className="fault" role="alert">{again.error.message}</p>}
      {isAdding && <TestCaseDialog question={view.input.query} citations={view.output?.citations ?? []} onAdd={add} onClose={() => setAdding(false)} />}
    </div>
  );
}

/** Ask the same with the same conversation before it, and return the run's id. */
async function askAgain(view: View, path: string): Promise<string> {
  const { session_id: session, query: _query, ...common } = view.input;
  const messages = session ? await before(view, session) : null;
  return new Promise((resolve, reject) => {
    LiveRun.ask(askedIn(view), { ...common, ...(messages ? { messages } : {}) }, path, view.tenant_id, ({ state, problem }) => {
      if (state.id !== null) resolve(state.id);
      else if (state.phase === "failed") reject(problem ?? new Error(state.error?.message));
    });
  });
}

/** The conversation up to a run: what it was asked with. */
async function before(view: View, session: string): Promise<Schema<"Message">[]> {
  try {
    const { messages } = await json<Schema<"ConversationView">>(`/v1/conversations/${encodeURIComponent(session)}`, { tenant: view.tenant_id });
    const index = messages.findIndex(({ run_id }) => run_id === view.id);
    return messages.slice(0, index < 0 ? messages.length : index).map(({ role, content }) => ({ role, content }));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return []; // deleted, or this was its first question
    throw error;
  }
}
