/** What is known of a run, event by event; a later event never changes an earlier state. */

import type { Schema } from "../api/client";
import type { RunEvent } from "../api/events";

export type Output = Schema<"WorkflowOutput">;
export type Citation = Schema<"Citation">;
export type ToolResult = Schema<"ToolResult">;

/** A piece of the answer: the number of its event, and how much of the text was there before it. */
export interface Piece {
  readonly seq: number;
  readonly start: number;
  readonly before: Piece | null;
}

export interface NodeLine {
  node: string;
  status: string;
  start: number;
  end: number | null;
}

export type Phase = "running" | "paused" | "finished" | "failed";

export interface RunState {
  id: string | null;
  question: string;
  phase: Phase;
  seq: number;
  /** The last piece of the answer, which knows those before it: one more costs the same however many there are. */
  piece: Piece | null;
  text: string;
  reasoning: string;
  citations: ReadonlyArray<Citation & { seq: number }>;
  tools: ReadonlyArray<ToolResult & { seq: number }>;
  warnings: ReadonlyArray<{ seq: number; type?: string; message: string }>;
  yielded: ReadonlyArray<{ seq: number; node: string; value: unknown }>;
  nodes: ReadonlyArray<NodeLine>;
  output: Output | null;
  error: { type: string; message: string; node: string | null } | null;
  /** The moment of the first event here, from which live bars are drawn; seconds of waiting are left out. */
  origin: number;
  firstToken: number | null;
}

export const begin = (question: string, id: string | null = null): RunState => ({
  id,
  question,
  phase: "running",
  seq: 0,
  piece: null,
  text: "",
  reasoning: "",
  citations: [],
  tools: [],
  warnings: [],
  yielded: [],
  nodes: [],
  output: null,
  error: null,
  origin: performance.now(),
  firstToken: null,
});

export function apply(state: RunState, events: readonly RunEvent[]): RunState {
  const fresh: Draft = { ...state };
  for (const event of events) {
    if (event.seq <= fresh.seq) continue; // sent again after a lost connection
    fresh.seq = event.seq;
    fresh.id = event.run_id;
    if (event.type === "token") {
      fresh.piece = { seq: event.seq, start: fresh.text.length, before: fresh.piece };
      fresh.text += event.text;
      fresh.firstToken ??= elapsed(fresh);
    } else step(fresh, event);
  }
  return fresh;
}

type Draft = { -readonly [Key in keyof RunState]: RunState[Key] };

function step(state: Draft, event: Exclude<RunEvent, { type: "token" }>): void {
  switch (event.type) {
    case "run_started":
      if (event.resumed) state.origin = performance.now() - 1000 * Math.max(0, ...state.nodes.map((node) => node.end ?? 0));
      state.phase = "running";
      return;
    case "node_started":
      state.nodes = [...without(state.nodes, event.node), { node: event.node, status: "running", start: elapsed(state), end: null }];
      return;
    case "node_finished":
      state.nodes = ended(state, event);
      return;
    case "reasoning":
      state.reasoning += event.text;
      return;
    case "citation":
      state.citations = [...state.citations, { ...event.citation, seq: event.seq }];
      return;
    case "tool_finished":
      state.tools = [...state.tools, { ...event.result, seq: event.seq }];
      return;
    case "warning":
      state.warnings = [...state.warnings, { ...event.warning, seq: event.seq }];
      return;
    case "node_yielded":
      state.yielded = [...state.yielded, { seq: event.seq, node: event.node, value: event.value }];
      return;
    case "superseded":
      drop(state, event.from_seq);
      return;
    case "run_paused":
      state.phase = "paused";
      state.output = event.output;
      return;
    case "run_finished":
      finish(state, event.output);
      return;
    case "run_failed":
      state.phase = "failed";
      state.error = { type: event.error_type, message: event.message, node: event.node ?? null };
      state.nodes = state.nodes.map((node) => (node.end === null ? { ...node, status: "cancelled", end: elapsed(state) } : node));
      return;
    default: // approval_required, input_required, retrieval, tool_started: the pause and the ends say it, too
      return;
  }
}

/** Seconds since the run began. */
export const elapsed = (state: Pick<RunState, "origin">): number => (performance.now() - state.origin) / 1000;

const without = (nodes: RunState["nodes"], name: string) => nodes.filter((each) => each.node !== name);

function ended(state: RunState, event: Extract<RunEvent, { type: "node_finished" }>): NodeLine[] {
  const known = state.nodes.find((each) => each.node === event.node);
  const start = known?.start ?? Math.max(0, elapsed(state) - event.duration_seconds);
  const line = { node: event.node, status: event.status, start, end: start + event.duration_seconds };
  return known ? state.nodes.map((each) => (each === known ? line : each)) : [...state.nodes, line];
}

/** Another worker has gone on with the run: what came from this number on does not count. */
function drop(state: Draft, first: number): void {
  while (state.piece && state.piece.seq >= first) {
    state.text = state.text.slice(0, state.piece.start);
    state.piece = state.piece.before;
  }
  state.citations = state.citations.filter(({ seq }) => seq < first);
  state.tools = state.tools.filter(({ seq }) => seq < first);
  state.warnings = state.warnings.filter(({ seq }) => seq < first);
  state.yielded = state.yielded.filter(({ seq }) => seq < first);
}

function finish(state: Draft, output: Output): void {
  state.phase = "finished";
  state.output = output;
  state.text = output.response || outcomeOf(output);
  state.citations = output.citations.map((citation) => ({ ...citation, seq: 0 }));
  state.tools = output.tool_results.map((result) => ({ ...result, seq: 0 }));
  state.warnings = output.warnings.map((warning) => ({ ...warning, seq: 0 }));
  state.nodes = linesOf(output);
}

export const linesOf = (output: Output): NodeLine[] =>
  output.timings.nodes.map(({ node, status, start_seconds, end_seconds }) => ({ node, status, start: start_seconds, end: end_seconds }));

/** The result of a workflow that makes no response, or else its values, as a block of JSON. */
function outcomeOf(output: Output): string {
  const made = output.result ?? (Object.keys(output.values ?? {}).length ? output.values : null);
  return made === null ? "" : `\`\`\`json\n${JSON.stringify(made, null, 2)}\n\`\`\``;
}

/** The state of a run that is stored. */
export function restored(view: Schema<"RunView">): RunState {
  const state: Draft = begin(view.input.query, view.id);
  if (view.output && view.status === "completed") finish(state, view.output);
  else if (view.output && view.status === "awaiting_approval") {
    state.phase = "paused";
    state.output = view.output;
    state.nodes = linesOf(view.output);
    state.tools = view.output.tool_results.map((result) => ({ ...result, seq: 0 }));
  } else if (view.status !== "running") {
    state.phase = "failed";
    state.nodes = view.nodes.map(({ node, status, start_seconds, end_seconds }) => ({ node, status, start: start_seconds, end: end_seconds }));
    state.error = view.error ?? { type: view.status, message: ENDS[view.status] ?? `The run is ${view.status}.`, node: null };
  }
  return state;
}

const ENDS: Record<string, string> = {
  expired: "Nobody decided in time, so the run expired: ask again.",
  cancelled: "The run was stopped.",
};
