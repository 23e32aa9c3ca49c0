/** A run that is followed: begun or taken up again, and read to its end over lost connections. */

import { useSyncExternalStore } from "react";

import { json, Problem, type Schema, send } from "../api/client";
import { readEvents, type RunEvent } from "../api/events";
import { randomId } from "../ui/random";
import { apply, begin, type Output, restored, type RunState } from "./state";

const RETRY_MILLISECONDS = 700;
/** Times in a row; the engine may be restarted meanwhile. */
const RETRIES = 120;

/** A question as it is asked: of which workflow, and what this is given beside it. */
export interface Asked {
  query: string;
  /** The name in /v1/workflows; null: the one that answers where none is named. */
  workflow: string | null;
  /** Fields of the workflow's own. */
  values: Readonly<Record<string, unknown>>;
}

/** What a conversation stores of a turn. */
export interface Messages {
  question: string;
  answer: string;
}

const ONLY_TEXT = "Only the text of this answer is stored: its run was deleted, or the answer came from the cache.";

const DECIDED_BEFORE = "This run was decided on elsewhere before, so your decision had no effect.";

export type Decision = Pick<Schema<"ResumeRequest">, "approved" | "edited" | "denied" | "answers">;

/** What is sent with each question: by whom it is asked, and how it is to be answered. */
export type Common = Partial<Omit<Schema<"WorkflowInput-Input">, "query">>;

const COMMON: ReadonlySet<string> = new Set<keyof Schema<"WorkflowInput-Input">>([
  "query", "mode", "tenant_id", "user_id", "session_id", "messages", "agent_id", "model", "enable_rag", "enable_tools", "requested_tools",
  "execution", "max_cost_dollars", "metadata",
]);

/** Whether a field of a request is the workflow's own. */
export const isOwnField = (name: string): boolean => !COMMON.has(name);

/** The question of a stored run. */
export function askedIn(view: Schema<"RunView">): Asked {
  const own = Object.entries(view.input).filter(([name]) => isOwnField(name));
  return { query: view.input.query, workflow: view.workflow, values: Object.fromEntries(own) };
}

export class LiveRun {
  readonly key: string;
  problem: Problem | null = null;
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private isFollowing = false;

  constructor(
    public state: RunState,
    readonly asked: Asked,
    private readonly tenant: string | undefined,
    private readonly onChange: (run: LiveRun) => void = () => undefined,
  ) {
    this.key = state.id ?? randomId();
  }

  /** Begin a run, and follow it. */
  static ask(asked: Asked, common: Common, path: string, tenant: string | undefined, onChange: (run: LiveRun) => void): LiveRun {
    const run = new LiveRun(begin(asked.query), asked, tenant, onChange);
    void run.follow(path, { ...asked.values, ...common, query: asked.query });
    return run;
  }

  /** Take up a stored run: one that still runs, or waits for a worker, is read from its first event on. */
  static open(view: Schema<"RunView">, tenant: string | undefined, onChange?: (run: LiveRun) => void): LiveRun {
    const isRunning = isOpen(view);
    const run = new LiveRun(isRunning ? begin(view.input.query, view.id) : restored(view), askedIn(view), tenant, onChange);
    if (isRunning) void run.follow();
    return run;
  }

  /** An answer that is known whole, and stored nowhere. */
  static answered(id: string, asked: Asked, output: Output): LiveRun {
    return new LiveRun(apply(begin(asked.query, id), [{ type: "run_finished", seq: 1, run_id: id, output } as RunEvent]), asked, undefined);
  }

  /** A turn of which the conversation has the messages, and nothing else is stored. */
  static remembered(id: string, { question, answer }: Messages): LiveRun {
    const state: RunState = { ...begin(question, id), phase: "finished", text: answer, warnings: [{ seq: 0, message: ONLY_TEXT }] };
    return new LiveRun(state, { query: question, workflow: null, values: {} }, undefined);
  }

  get isBusy(): boolean {
    return this.isFollowing;
  }

  /** Decide on what the run waits for, and follow it. */
  async decide(decision: Decision, user: string): Promise<void> {
    this.problem = null;
    await this.follow(`/v1/runs/${this.state.id}/resume`, { ...decision, user_id: user });
    const refused = this.problem as Problem | null;
    if (refused?.status === 409) await this.readDecided();
  }

  async stop(): Promise<void> {
    if (this.state.id === null) return;
    this.problem = null;
    try {
      await send(`/v1/runs/${this.state.id}`, { method: "DELETE", tenant: this.tenant });
    } catch (error) {
      if (error instanceof Problem && error.status === 409) return; // it has ended meanwhile
      this.problem = error instanceof Problem ? error : new Problem(0, "It could not be stopped.");
      this.change({ ...this.state });
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): RunState => this.state;

  private async follow(path?: string, body?: unknown): Promise<void> {
    const seen = this.state;
    this.isFollowing = true;
    if (seen.phase === "paused") this.change({ ...seen }); // it waits, with what was filled in, until the decision is taken
    try {
      if (path !== undefined) await this.start(path, body);
      for (let tries = 0; this.state.phase === "running" && tries < RETRIES; tries++) {
        const last = this.state.seq;
        await this.goOn(tries > 0 || path !== undefined);
        if (this.state.seq > last) tries = 0; // something came: the engine is there, however often the connection is lost
      }
      if (this.state.phase === "running") throw new Problem(0, "The connection to the engine is lost. Reload the page to try again.");
    } catch (error) {
      this.fail(error, seen);
    } finally {
      this.isFollowing = false;
      this.state = { ...this.state }; // readers compare states: this one is not followed any more
      this.onChange(this);
      this.notify();
    }
  }

  private async start(path: string, body: unknown): Promise<void> {
    const response = await send(path, { method: "POST", body, headers: { Accept: "text/event-stream" }, tenant: this.tenant });
    if (this.state.phase === "paused") this.change({ ...this.state, phase: "running" });
    try {
      await readEvents(response, this.take);
    } catch (error) {
      if (this.state.id === null) throw error; // nothing to go on with
    }
  }

  /** Read what comes after the last event that is here. */
  private async goOn(isLater: boolean): Promise<void> {
    if (this.state.id === null) throw new Problem(0, "The connection to the engine was lost before the run began: ask again.");
    if (isLater) await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": String(this.state.seq) };
      const response = await send(`/v1/runs/${this.state.id}/events`, { headers, tenant: this.tenant });
      if (response.status === 204) await this.readEnd();
      else await readEvents(response, this.take);
    } catch (error) {
      if (error instanceof Problem && error.status === 409) await this.readEnd();
      else if (error instanceof Problem && error.status >= 400 && error.status < 500) throw error;
      // else the connection or the engine is away for a moment
    }
  }

  /** Read the end of a run whose events are gone. */
  private async readEnd(): Promise<void> {
    const view = await json<Schema<"RunView">>(`/v1/runs/${this.state.id}`, { tenant: this.tenant });
    if (!isOpen(view)) this.change(restored(view));
  }

  /** Show a run that somebody else has decided on; one that waits all the same keeps its form, and the reason. */
  private async readDecided(): Promise<void> {
    let view: Schema<"RunView">;
    try {
      view = await json<Schema<"RunView">>(`/v1/runs/${this.state.id}`, { tenant: this.tenant });
    } catch {
      return; // the refusal is shown
    }
    if (view.status === "awaiting_approval") return;
    this.problem = null;
    this.change(isOpen(view) ? begin(view.input.query, view.id) : restored(view));
    if (isOpen(view)) await this.follow();
    this.change({ ...this.state, warnings: [{ seq: 0, message: DECIDED_BEFORE }, ...this.state.warnings] });
  }

  private take = (events: RunEvent[]): void => this.change(apply(this.state, events));

  private fail(error: unknown, seen: RunState): void {
    const problem = error instanceof Problem ? error : new Problem(0, error instanceof Error ? error.message : "Something went wrong.");
    this.problem = problem;
    const isRefused = problem.status >= 400 || this.state.phase === "paused"; // or the decision has not arrived
    if (seen.phase === "paused" && isRefused) this.change({ ...seen }); // it waits on
    else this.change({ ...this.state, phase: "failed", error: { type: "connection", message: problem.message, node: null } });
  }

  private change(state: RunState): void {
    const before = this.state;
    this.state = state;
    if (before.id !== state.id || before.phase !== state.phase) this.onChange(this);
    this.frame ||= requestAnimationFrame(this.notify);
  }

  /** Draw at most once a frame, however many tokens have come. */
  private notify = (): void => {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    for (const listener of this.listeners) listener();
  };
}

/** Whether more events of a stored run come without anybody's decision. */
const isOpen = ({ status }: Schema<"RunView">): boolean => status === "running" || status === "queued";

export const useRunState = (run: LiveRun): RunState => useSyncExternalStore(run.subscribe, run.snapshot);
