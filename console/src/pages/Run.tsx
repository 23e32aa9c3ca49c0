/** One run: its answer, and in tabs how it was made, what models were asked, and what it cost. */

import { useMemo, useState } from "react";
import { Tabs } from "@ark-ui/react/tabs";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";

import type { Schema } from "../api/client";
import { chargesQuery, feedbackQuery, runQuery } from "../api/queries";
import { Answer } from "../answer/Answer";
import { pauseOf } from "../run/decisionDrafts";
import { DecisionForm } from "../run/DecisionForm";
import { CacheDecision, FactLine, Quality, Remarks } from "../run/Facts";
import { FeedbackBar } from "../run/FeedbackBar";
import { LiveRun, useRunState } from "../run/live";
import { isResultAlone, Result } from "../run/Result";
import { ModelCalls } from "../run/ModelCalls";
import { RunActions } from "../run/RunActions";
import { Sources } from "../run/Sources";
import type { RunState } from "../run/state";
import { Steps } from "../run/Steps";
import { Tools } from "../run/Tools";
import { useUser } from "../shell/identity";
import { Status } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { count, dollars, moment, MODES, sentence, words } from "../ui/format";

type View = Schema<"RunView">;

export function Run() {
  const { runId } = useParams({ from: "/runs/$runId" });
  const query = useQuery(runQuery(runId));
  return (
    <main className="page" id="main">
      <Link to="/runs" className="back"><ArrowLeft aria-hidden /> Runs</Link>
      <Reading query={query} label="Opening the run">{(view) => <RunPage key={`${runId} ${view.status}`} view={view} />}</Reading>
    </main>
  );
}

function RunPage({ view }: { view: View }) {
  const client = useQueryClient();
  const live = useMemo(() => {
    const changed = (run: LiveRun) => {
      if (run.state.phase !== "running") void client.invalidateQueries({ queryKey: ["run", view.id] });
      void client.invalidateQueries({ queryKey: ["approvals"] });
    };
    return LiveRun.open(view, view.tenant_id, changed);
  }, [view, client]);
  const state = useRunState(live);
  const user = useUser();
  const [shown, setShown] = useState<{ number: number; times: number } | null>(null);
  return (
    <>
      <header className="run-head">
        <h1 dir="auto">{view.input.query}</h1>
        <p className="run-meta">
          <Status status={view.status} degraded={view.output?.is_degraded ?? false} />
          <span>{MODES[view.input.mode] ?? view.input.mode}</span>
          <span>{view.tenant_id} / {view.user_id}</span>
          <span>{view.input.agent_id}</span>
          <time dateTime={view.created_at}>{moment(view.created_at)}</time>
          <code>{view.id}</code>
        </p>
        {view.status !== "running" && view.status !== "queued" && <RunActions view={view} />}
      </header>
      <div className="run-grid">
        <section className="run-answer card" aria-label="Answer">
          {state.error && <div className="notice notice-bad" role="alert"><p>{state.error.message}</p></div>}
          {state.text && !isResultAlone(state.text, state.output?.result) && (
            <Answer text={state.text} citations={state.citations} isGrowing={state.phase === "running"} onCite={(number) => setShown((last) => ({ number, times: (last?.times ?? 0) + 1 }))} />
          )}
          {state.phase === "paused" && state.output && (
            <DecisionForm pause={pauseOf(state.id, state.output.timings.total_seconds)} calls={state.output.suggested_tools} inputs={state.output.required_input} isSending={live.isBusy} onDecide={(decision) => void live.decide(decision, user)} />
          )}
          {live.problem && state.phase === "paused" && <p className="fault" role="alert">{live.problem.message}</p>}
          {state.phase === "running" && !state.text && <p className="working" role="status"><span className="pulse" aria-hidden /> Working …</p>}
          {state.output?.result != null && <Result value={state.output.result} />}
          <Remarks run={state} />
          <FactLine run={state} />
          {state.phase === "finished" && <div className="toolbar"><FeedbackBar runId={view.id} /></div>}
          <Sources citations={state.citations} shown={shown} />
        </section>
        <section className="run-side" aria-label="Details">
          <Details view={view} state={state} />
        </section>
      </div>
    </>
  );
}

function Details({ view, state }: { view: View; state: RunState }) {
  return (
    <Tabs.Root defaultValue="steps" lazyMount>
      <Tabs.List className="tabs">
        <Tabs.Trigger className="tab" value="steps">Steps</Tabs.Trigger>
        <Tabs.Trigger className="tab" value="calls">Model calls</Tabs.Trigger>
        <Tabs.Trigger className="tab" value="cost">Cost</Tabs.Trigger>
        <Tabs.Trigger className="tab" value="more">More</Tabs.Trigger>
      </Tabs.List>
      <Tabs.Content value="steps">
        {state.output?.status === "completed" && <Quality output={state.output} />}
        <Steps view={view} state={state} />
        <Tools tools={state.tools} />
        {state.output && <CacheDecision output={state.output} />}
      </Tabs.Content>
      <Tabs.Content value="calls"><ModelCalls view={view} calls={state.output?.model_calls ?? []} /></Tabs.Content>
      <Tabs.Content value="cost"><Cost runId={view.id} /></Tabs.Content>
      <Tabs.Content value="more"><More view={view} /></Tabs.Content>
    </Tabs.Root>
  );
}

const NANOS = 1_000_000_000;

function Cost({ runId }: { runId: string }) {
  const query = useQuery(chargesQuery(runId));
  return <Reading query={query}>{({ charges }) => (charges.length ? <Charges charges={charges} /> : <p className="quiet">Nothing was charged.</p>)}</Reading>;
}

function Charges({ charges }: Pick<Schema<"RunCharges">, "charges">) {
  const total = charges.reduce((sum, charge) => sum + (charge.cost_nanos ?? 0), 0) / NANOS;
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Charges">
      <table className="table">
        <thead><tr><th>What</th><th>For</th><th className="number">Tokens</th><th className="number">Cost</th></tr></thead>
        <tbody>
          {charges.map((charge) => (
            <tr key={charge.item}>
              <td>{charge.name}<span className="cell-sub">{charge.status}{charge.tokens?.estimated && ", estimated"}{charge.clamped && ", clamped"}{charge.unit_prices == null && ", price unknown"}</span></td>
              <td>{charge.node ? words(charge.node) : charge.cost_type}</td>
              <td className="number">{count(charge.tokens?.total ?? 0)}</td>
              <td className="number">{dollars((charge.cost_nanos ?? 0) / NANOS)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot><tr><th colSpan={3}>Total</th><td className="number">{dollars(total)}</td></tr></tfoot>
      </table>
    </div>
  );
}

function More({ view }: { view: View }) {
  const { data } = useQuery(feedbackQuery(view.id));
  return (
    <>
      {view.decisions.length > 0 && (
        <section>
          <h3>Decisions</h3>
          <ul className="plain">
            {view.decisions.map((decision, index) => (
              <li key={index}>
                <strong>{sentence(decision.kind)}</strong> {decision.tool ?? decision.subject} <span className="quiet">by {decision.user_id ?? "a program"}, {moment(decision.at)}</span>
                {decision.reason && <p dir="auto">{decision.reason}</p>}
              </li>
            ))}
          </ul>
        </section>
      )}
      {data && data.feedback.length > 0 && (
        <section>
          <h3>Feedback</h3>
          <ul className="plain">
            {data.feedback.map((each) => (
              <li key={`${each.user_id} ${each.kind} ${each.name}`}>
                <strong>{each.kind === "boolean" ? (each.value ? "Good" : "Bad") : `${sentence(each.kind)}: ${each.value}`}</strong>{" "}
                <span className="quiet">{[each.name, each.user_id].filter(Boolean).join(", ")}</span>
                {each.comment && <p dir="auto">{each.comment}</p>}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>Request</h3>
        <pre className="json" tabIndex={0}>{JSON.stringify(view.input, null, 2)}</pre>
      </section>
    </>
  );
}
