/** Two runs side by side: their figures, answers and steps. */

import type { ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";

import type { Schema } from "../api/client";
import { runQuery } from "../api/queries";
import { Answer } from "../answer/Answer";
import { costOf, Remarks } from "../run/Facts";
import { restored } from "../run/state";
import { Waterfall } from "../run/Waterfall";
import { Empty, Status } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { Table } from "../ui/Table";
import { count, MODES, moment, named, percent, seconds } from "../ui/format";

type View = Schema<"RunView">;

export function CompareRuns() {
  const { a = "", b = "" } = useSearch({ from: "/runs/compare" });
  const [first, second] = [useQuery({ ...runQuery(a), enabled: a !== "" }), useQuery({ ...runQuery(b), enabled: b !== "" })];
  const refetch = () => Promise.all([first.refetch(), second.refetch()]);
  return (
    <main className="page page-wide" id="main">
      <Link to="/runs" className="back"><ArrowLeft aria-hidden /> Runs</Link>
      <header className="page-head"><h1>Two runs</h1></header>
      {!a || !b ? (
        <Empty title="Choose two runs">Tick two of them in the list, then press Compare.</Empty>
      ) : (
        <Reading query={{ data: first.data && second.data && ([first.data, second.data] as const), error: first.error ?? second.error, refetch }} label="Opening the runs">
          {(views) => <Both views={views} />}
        </Reading>
      )}
    </main>
  );
}

function Both({ views }: { views: readonly [View, View] }) {
  return (
    <>
      <Table label="Figures" columns={["", "First", "Second"]}>
        {ROWS.map(([name, show]) => {
          const [one, two] = views.map(show);
          return (
            <tr key={name} className={one === two ? "" : "differs"}>
              <th scope="row">{name}</th>
              <td>{one}</td>
              <td>{two}</td>
            </tr>
          );
        })}
      </Table>
      <div className="compare">
        {views.map((view, index) => (
          <One key={index} view={view} name={index === 0 ? "First run" : "Second run"} />
        ))}
      </div>
    </>
  );
}

function One({ view, name }: { view: View; name: string }) {
  const state = restored(view);
  return (
    <section className="card" aria-label={name}>
      <h2 dir="auto"><Link to="/runs/$runId" params={{ runId: view.id }}>{named(view.input.query)}</Link></h2>
      <p><Status status={view.status} degraded={view.output?.is_degraded ?? false} /></p>
      {state.error && <p className="notice notice-bad">{state.error.message}</p>}
      {state.text && <Answer text={state.text} citations={state.citations} isGrowing={false} onCite={() => undefined} />}
      <Remarks run={state} />
      <h3>Steps</h3>
      <Waterfall run={state} />
    </section>
  );
}

const NONE = "–";
const share = (value: number | null | undefined) => (value == null ? NONE : percent(value));

const ROWS: ReadonlyArray<readonly [string, (view: View) => ReactNode]> = [
  ["Begun", ({ created_at }) => moment(created_at)],
  ["Workflow", ({ workflow }) => workflow],
  ["Mode", ({ input }) => MODES[input.mode] ?? input.mode],
  ["Tenant and user", ({ tenant_id, user_id }) => `${tenant_id} / ${user_id}`],
  ["Agent", ({ input }) => input.agent_id ?? NONE],
  ["Model", ({ output }) => output?.model ?? NONE],
  ["Time", ({ output }) => (output ? seconds(output.timings.total_seconds) : NONE)],
  ["First word", ({ output }) => (output?.timings.time_to_first_token_seconds == null ? NONE : seconds(output.timings.time_to_first_token_seconds))],
  ["Cost", ({ output }) => (output ? costOf(output) : NONE)],
  ["Tokens", ({ output }) => (output ? count(output.tokens.total) : NONE)],
  ["Model calls", ({ output }) => (output ? count(output.model_calls.length) : NONE)],
  ["Cache", ({ output }) => output?.cache_status ?? NONE],
  ["Quality", ({ output }) => (output?.is_assessed ? percent(output.quality_score) : NONE)],
  ["Backed by sources", ({ output }) => share(output?.groundedness)],
  ["Answers the question", ({ output }) => share(output?.answer_probability)],
  ["Sources cited", ({ output }) => (output ? count(output.citations.length) : NONE)],
];
