/** The inbox: what waits for a person, with who asked and what it would cost. */

import { useMemo, useState } from "react";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheckBig } from "lucide-react";

import type { Schema } from "../api/client";
import { approvalsQuery } from "../api/queries";
import { DecisionForm } from "../run/DecisionForm";
import { type Decision, LiveRun, useRunState } from "../run/live";
import { begin } from "../run/state";
import { useUser } from "../shell/identity";
import { Empty } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { ShowMore } from "../ui/ShowMore";
import { ago, dollars, moment, named, until } from "../ui/format";

type Waiting = Schema<"WaitingRun">;

export function Approvals() {
  const query = useInfiniteQuery(approvalsQuery());
  const waiting = query.data?.pages.flatMap((page) => page.approvals) ?? [];
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div>
          <h1>Approvals</h1>
          <p className="quiet">Runs that go on once somebody has decided; the one that expires first is at the top.</p>
        </div>
      </header>
      <Reading query={query} label="Looking for what waits">
        {() => waiting.length === 0 ? (
          <Empty title="Nothing waits" icon={<CircleCheckBig />}>Runs that need an approval or an answer will be here.</Empty>
        ) : (
          <>
            <ul className="inbox">
              {waiting.map((each) => (
                <Item key={each.run_id} waiting={each} />
              ))}
            </ul>
            <ShowMore query={query} label="Show those that expire later" />
          </>
        )}
      </Reading>
    </main>
  );
}

function Item({ waiting }: { waiting: Waiting }) {
  const user = useUser();
  const client = useQueryClient();
  const live = useMemo(
    () => {
      const asked = { query: waiting.title, workflow: waiting.workflow, values: {} };
      return new LiveRun({ ...begin(waiting.title, waiting.run_id), phase: "paused" }, asked, waiting.tenant_id, (run) => {
        if (run.state.phase !== "running") void client.invalidateQueries({ queryKey: ["approvals"] });
      });
    },
    [waiting.run_id, waiting.title, waiting.workflow, waiting.tenant_id, client],
  );
  const state = useRunState(live);
  const [isSent, setSent] = useState(false);
  const decide = (decision: Decision) => {
    setSent(true);
    void live.decide(decision, user);
  };
  const isDone = state.phase === "finished" || (state.phase === "failed" && !live.problem);
  return (
    <li className="card inbox-item">
      <header>
        <h2 dir="auto"><Link to="/runs/$runId" params={{ runId: waiting.run_id }}>{named(waiting.title)}</Link></h2>
        <p className="run-meta">
          <span>{waiting.tenant_id} / {waiting.user_id}</span>
          <span>{waiting.workflow}</span>
          <time dateTime={waiting.created_at} title={moment(waiting.created_at)}>asked {ago(waiting.created_at)}</time>
          <time dateTime={waiting.expires_at} title={moment(waiting.expires_at)}>expires {until(waiting.expires_at)}</time>
          <span>spent {dollars(waiting.spent_dollars)}</span>
          <span>would cost {dollars(waiting.tools_cost_dollars)}</span>
        </p>
      </header>
      {isDone ? (
        <p className="notice">Decided. <Link to="/runs/$runId" params={{ runId: waiting.run_id }}>See the answer</Link></p>
      ) : state.phase === "running" ? (
        <p className="working" role="status"><span className="pulse" aria-hidden /> Going on …</p>
      ) : (
        <DecisionForm pause={`${waiting.run_id} ${waiting.expires_at}`} calls={waiting.suggested_tools} inputs={waiting.required_input} isSending={isSent && live.isBusy} onDecide={decide} />
      )}
      {live.problem && <p className="fault" role="alert">{live.problem.message}</p>}
    </li>
  );
}
