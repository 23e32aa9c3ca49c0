/** The steps of a run: the waterfall, and of each step its input, value and failed attempts. */

import type { ReactNode } from "react";

import type { Schema } from "../api/client";
import { count, counted, seconds, sentence, words } from "../ui/format";
import { Status } from "../ui/parts";
import { Value } from "./Result";
import type { Output, RunState } from "./state";
import { Waterfall } from "./Waterfall";

type View = Schema<"RunView">;
type RunNode = Schema<"RunNode">;

export function Steps({ view, state }: { view: View; state: RunState }) {
  const nodes = view.nodes.filter((node) => node.status !== "skipped");
  return (
    <>
      <Waterfall run={state} />
      {state.phase !== "running" && nodes.length > 0 && (
        <section>
          <h3>Each step</h3>
          {nodes.map((node) => <StepDetails key={`${node.node} ${node.start_seconds}`} node={node} view={view} />)}
        </section>
      )}
      {view.trace_url && <p><a href={view.trace_url} target="_blank" rel="noreferrer">Open the trace</a></p>}
      {!view.trace_url && view.trace_id && <p className="quiet">Trace <code>{view.trace_id}</code></p>}
    </>
  );
}

function StepDetails({ node, view }: { node: RunNode; view: View }) {
  const value = valueOf(node.node, view);
  const isWell = node.status === "success" && !node.failures.length;
  return (
    <details className="node-value">
      <summary>
        {sentence(node.node)} <span className="quiet">{seconds(node.end_seconds - node.start_seconds)}</span>
        {!isWell && <> {node.status === "success" ? <span className="badge badge-wait">{failures(node)}</span> : <Status status={node.status} />}</>}
      </summary>
      <dl className="step-facts">
        {node.failures.map((failure) => (
          <Fact key={failure.item ?? "all"} name={failure.item == null ? "Error" : `Error of item ${failure.item + 1}`}>
            <span className="fault">{failure.error}</span>
            {failure.attempts > 1 && <span className="quiet"> ({count(failure.attempts)} attempts failed)</span>}
          </Fact>
        ))}
        {node.reads.map((name) => <Fact key={name} name={`Input: ${words(name)}`}><Stored value={valueOf(name, view)} /></Fact>)}
        {value !== undefined && <Fact name="Value"><Value value={value} /></Fact>}
        {!node.failures.length && !node.reads.length && value === undefined && <p className="quiet">Nothing more is stored of it.</p>}
      </dl>
    </details>
  );
}

function failures(node: RunNode): string {
  const failed = node.failures.reduce((sum, { attempts }) => sum + attempts, 0);
  if (node.failures.some(({ item }) => item != null)) return `${count(node.failures.length)} of its items had errors`;
  return `${counted(failed, "attempt")} failed`;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Stored({ value }: { value: unknown }) {
  return value === undefined ? <span className="quiet">not stored</span> : <Value value={value} />;
}

/** A value of a run by its name, as far as it is stored: of the input, of its own nodes, or of the answer. */
function valueOf(name: string, { input, output }: View): unknown {
  const own = output?.values ?? {};
  if (name in own) return own[name];
  const made = output && name in MADE ? MADE[name]!(output) : undefined;
  if (made !== undefined) return made;
  if (name === "input") return input;
  return (input as unknown as Record<string, unknown>)[name];
}

/** The values of the built-in steps that stand in an answer. */
const MADE: Readonly<Record<string, (output: Output) => unknown>> = {
  answer: (output) => output.response || undefined,
  result: (output) => output.result ?? undefined,
  tool_results: (output) => (output.tool_results.length ? output.tool_results.map(({ name, content }) => ({ name, content })) : undefined),
};
