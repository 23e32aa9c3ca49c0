/** One question with its answer, and all that is known about how it was made. */

import { useCallback, useState } from "react";
import { Link } from "@tanstack/react-router";
import { Check, Copy, Link2, Pencil, RotateCcw, Square, Waypoints } from "lucide-react";

import { Answer } from "../answer/Answer";
import { useUser } from "../shell/identity";
import { Button, IconButton } from "../ui/parts";
import { copyText } from "../ui/clipboard";
import { words } from "../ui/format";
import { pauseOf } from "./decisionDrafts";
import { DecisionForm } from "./DecisionForm";
import { FactLine, Quality, Remarks } from "./Facts";
import { FeedbackBar } from "./FeedbackBar";
import { type LiveRun, useRunState } from "./live";
import { isResultAlone, Result } from "./Result";
import { Sources } from "./Sources";
import type { RunState } from "./state";
import { Tools } from "./Tools";
import { Waterfall } from "./Waterfall";

interface TurnProps {
  run: LiveRun;
  isSelected: boolean;
  onSelect: () => void;
  onRetry: () => void;
  /** Put the question into the box, to be changed and asked again. */
  onEdit: () => void;
}

export function Turn({ run, isSelected, onSelect, onRetry, onEdit }: TurnProps) {
  const state = useRunState(run);
  const user = useUser();
  const [shown, setShown] = useState<{ number: number; times: number } | null>(null);
  const cite = useCallback((number: number) => setShown((last) => ({ number, times: (last?.times ?? 0) + 1 })), []);
  const isBusy = state.phase === "running";
  return (
    <article className="turn" aria-busy={isBusy} data-phase={state.phase} data-run={state.id ?? ""}>
      <h2 className="question" dir="auto">{state.question}</h2>
      <div className="reply">
        {state.reasoning && (
          <details className="reasoning">
            <summary>Reasoning</summary>
            <p dir="auto">{state.reasoning}</p>
          </details>
        )}
        {isResultAlone(state.text, state.output?.result) ? null : state.text ? (
          <Answer text={state.text} citations={state.citations} isGrowing={isBusy} onCite={cite} />
        ) : (
          isBusy && <Working state={state} />
        )}
        {state.output?.result != null && <Result value={state.output.result} />}
        {state.phase === "paused" && state.output && (
          <DecisionForm
            pause={pauseOf(state.id, state.output.timings.total_seconds)}
            calls={state.output.suggested_tools}
            inputs={state.output.required_input}
            isSending={run.isBusy}
            onDecide={(decision) => void run.decide(decision, user)}
          />
        )}
        {(state.phase === "paused" || state.phase === "running") && run.problem && <p className="fault" role="alert">{run.problem.message}</p>}
        {state.phase === "failed" && state.error && <Fault state={state} onRetry={onRetry} />}
        <Remarks run={state} />
        <Yielded state={state} />
        <FactLine run={state} />
        <Toolbar run={run} state={state} isSelected={isSelected} onSelect={onSelect} onRetry={onRetry} onEdit={onEdit} />
        <Sources citations={state.citations} shown={shown} />
        {isSelected && (
          <div className="turn-inspector">
            <Inspector state={state} />
          </div>
        )}
      </div>
    </article>
  );
}

/** The making of an answer: beside the chat where there is room, else below the answer. */
export function Inspector({ state }: { state: RunState }) {
  return (
    <>
      {state.output?.status === "completed" && <Quality output={state.output} />}
      <section>
        <h3>Steps</h3>
        <Waterfall run={state} />
      </section>
      <Tools tools={state.tools} />
    </>
  );
}

function Working({ state }: { state: RunState }) {
  const node = state.nodes.findLast(({ status }) => status === "running");
  return (
    <p className="working" role="status">
      <span className="pulse" aria-hidden /> {node ? `${words(node.node)} …` : "Starting …"}
    </p>
  );
}

function Fault({ state, onRetry }: { state: RunState; onRetry: () => void }) {
  const isStopped = state.error?.type === "cancelled" || state.error?.type === "client_gone";
  return (
    <div className={isStopped ? "notice" : "notice notice-bad"} role="alert">
      <p>{isStopped ? "Stopped." : state.error?.message}</p>
      <Button small onClick={onRetry}>Ask again</Button>
    </div>
  );
}

function Yielded({ state }: { state: RunState }) {
  if (!state.yielded.length) return null;
  return (
    <ul className="yielded" aria-label="Progress">
      {state.yielded.map(({ seq, node, value }) => (
        <li key={seq}>
          <span className="quiet">{words(node)}</span> {typeof value === "string" ? value : JSON.stringify(value)}
        </li>
      ))}
    </ul>
  );
}

function Toolbar({ run, state, isSelected, onSelect, onRetry, onEdit }: TurnProps & { state: RunState }) {
  const [copied, setCopied] = useState("");
  const copy = async (name: string, text: string) => {
    await copyText(text);
    setCopied(name);
    setTimeout(() => setCopied(""), 1500);
  };
  if (state.phase === "running") {
    return (
      <div className="toolbar">
        <Button small onClick={() => void run.stop()} disabled={state.id === null}>
          <Square aria-hidden /> Stop
        </Button>
      </div>
    );
  }
  const isStored = state.id !== null && (state.phase !== "finished" || (state.output !== null && state.output.cache_status !== "hit"));
  return (
    <div className="toolbar">
      {state.text && (
        <IconButton label={copied === "answer" ? "Copied" : "Copy answer"} onClick={() => void copy("answer", state.text)}>
          {copied === "answer" ? <Check aria-hidden /> : <Copy aria-hidden />}
        </IconButton>
      )}
      <IconButton label="Ask again" onClick={onRetry}>
        <RotateCcw aria-hidden />
      </IconButton>
      <IconButton label="Edit and ask again" onClick={onEdit}>
        <Pencil aria-hidden />
      </IconButton>
      {isStored && (
        <>
          <IconButton
            label={copied === "link" ? "Copied" : "Copy link to this answer"}
            onClick={() => void copy("link", `${location.origin}/runs/${state.id}`)}
          >
            {copied === "link" ? <Check aria-hidden /> : <Link2 aria-hidden />}
          </IconButton>
          <Link to="/runs/$runId" params={{ runId: state.id! }} className="icon-button" aria-label="Open the run" title="Open the run">
            <Waypoints aria-hidden />
          </Link>
          {state.phase === "finished" && <FeedbackBar runId={state.id!} />}
        </>
      )}
      <Button small kind="ghost" className="toolbar-steps" aria-expanded={isSelected} onClick={onSelect}>
        {isSelected ? "Hide steps" : "Show steps"}
      </Button>
    </div>
  );
}
