/** The runs: found by filters that stand in the address, the newest first. */

import { type FormEvent, useEffect, useState } from "react";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Columns2, Download, Filter, RefreshCw, Rows3, Search, X } from "lucide-react";

import type { Schema } from "../api/client";
import { type RunFilters, sessionQuery, workflowsQuery } from "../api/queries";
import { download, useTestCases } from "../run/testCases";
import { Choice, Entry } from "../ui/filters";
import { Button, Empty, Field, IconButton, Status } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { ShowMore } from "../ui/ShowMore";
import { Table } from "../ui/Table";
import { dollars, MODES, moment, named, percent, seconds, shortMoment } from "../ui/format";
import { liveRunsQuery } from "./runs/liveRuns";
import { SavedViews } from "./runs/SavedViews";

type Summary = Schema<"RunSummary">;

export function Runs() {
  const filters = useSearch({ from: "/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const client = useQueryClient();
  const options = liveRunsQuery(filters);
  const query = useInfiniteQuery(options);
  const readAll = () => void client.invalidateQueries({ queryKey: options.queryKey, exact: true });
  const runs = query.data?.pages.flatMap((page) => page.runs) ?? [];
  const set = (part: RunFilters) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const used = Object.keys(filters).length;
  const [chosen, setChosen] = useState<readonly string[]>([]);
  return (
    <main className="page page-wide" id="main">
      <header className="page-head">
        <div>
          <h1>Runs</h1>
          <p className="quiet">Every request that was answered, failed, or still works.</p>
        </div>
        <div className="row">
          <TestCases />
          <Button onClick={() => void navigate({ to: "/runs/compare", search: { a: chosen[0]!, b: chosen[1]! } })} disabled={chosen.length !== 2} title="Tick two runs in the list">
            <Columns2 aria-hidden /> Compare
          </Button>
          <IconButton label="Refresh" onClick={readAll}>
            <RefreshCw aria-hidden className={query.isFetching ? "spin" : ""} />
          </IconButton>
        </div>
      </header>
      <Filters filters={filters} onChange={set} onClear={() => void navigate({ search: {} })} />
      <SavedViews filters={filters} onOpen={(opened) => void navigate({ search: opened })} />
      <Reading query={query} label="Looking for runs" retry={readAll}>
        {() => runs.length === 0 ? (
          <Empty title={used ? "No run fits these filters" : "There are no runs yet"} icon={<Rows3 />}>
            {used ? "Take some of them away." : <Link to="/">Ask a first question</Link>}
          </Empty>
        ) : (
          <>
            <List runs={runs} chosen={chosen} onChoose={(id, isChosen) => setChosen((all) => (isChosen ? [...all, id].slice(-2) : all.filter((each) => each !== id)))} />
            <ShowMore query={query} label="Show older runs" />
          </>
        )}
      </Reading>
    </main>
  );
}

/** The test cases that were made of runs, to be downloaded for `vital eval`. */
function TestCases() {
  const { cases, clear } = useTestCases();
  if (!cases.length) return null;
  return (
    <>
      <Button onClick={() => download(cases)}><Download aria-hidden /> Test cases · {cases.length}</Button>
      <IconButton label="Forget the test cases" onClick={clear}><X aria-hidden /></IconButton>
    </>
  );
}

interface ListProps {
  runs: readonly Summary[];
  chosen: readonly string[];
  onChoose: (id: string, isChosen: boolean) => void;
}

function List({ runs, chosen, onChoose }: ListProps) {
  const { data: session } = useQuery(sessionQuery);
  const hasTenants = session?.tenant_id == null;
  const numbers = ["Quality", "Time", "Cost", "Begun"].map((name) => ({ name, isNumber: true }));
  return (
    <Table label="Runs" columns={[{ name: "Compare", isHidden: true }, "Status", "Question", "Mode", ...(hasTenants ? ["Tenant"] : []), "User", "Model", ...numbers]}>
      {runs.map((run) => (
        <tr key={run.id}>
          <td className="cell-check">
            <input type="checkbox" aria-label={`Compare ${named(run.title)}`} checked={chosen.includes(run.id)} onChange={({ target }) => onChoose(run.id, target.checked)} />
          </td>
          <td className="cell-head"><Status status={run.status} degraded={run.degraded} /></td>
          <td className="cell-title" dir="auto">
            <Link to="/runs/$runId" params={{ runId: run.id }}>{named(run.title)}</Link>
            <span className="cell-sub">{run.workflow}</span>
          </td>
          <td>{MODES[run.mode] ?? run.mode}</td>
          {hasTenants && <td>{run.tenant_id}</td>}
          <td>{run.user_id}</td>
          <td className="cell-model">{run.model ?? "–"}</td>
          <td className="number">{run.quality_score == null ? "–" : percent(run.quality_score)}</td>
          <td className="number">{run.duration_seconds == null ? "–" : seconds(run.duration_seconds)}</td>
          <td className="number">{run.cost_dollars == null ? "–" : dollars(run.cost_dollars)}</td>
          <td className="number nowrap"><time dateTime={run.created_at} title={moment(run.created_at)}>{shortMoment(run.created_at)}</time></td>
        </tr>
      ))}
    </Table>
  );
}

const STATUSES = [["", "Any status"], ["completed", "Completed"], ["running", "Running"], ["awaiting_approval", "Waits for a person"], ["queued", "Queued"], ["failed", "Failed"], ["cancelled", "Cancelled"], ["expired", "Expired"]] as const;
const MODE_OPTIONS = [["", "Any mode"], ...Object.entries(MODES)] as const;
const DEGRADED = [["", "Whole or not"], ["true", "Degraded"], ["false", "Not degraded"]] as const;
const FEEDBACK = [["", "Any feedback"], ["positive", "Thumb up"], ["negative", "Thumb down"], ["correction", "Corrected"], ["any", "With feedback"], ["none", "Without"]] as const;

interface FiltersProps {
  filters: RunFilters;
  onChange: (part: RunFilters) => void;
  onClear: () => void;
}

function Filters({ filters, onChange, onClear }: FiltersProps) {
  const { data: served } = useQuery(workflowsQuery);
  const { data: session } = useQuery(sessionQuery);
  const [text, setText] = useState(filters.text ?? "");
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setText(filters.text ?? ""), [filters.text]);
  const search = (event: FormEvent) => {
    event.preventDefault();
    onChange({ text: text.trim() });
  };
  const more = Object.keys(filters).filter((name) => !["text", "status", "mode"].includes(name)).length;
  const workflows: ReadonlyArray<readonly [string, string]> = [["", "Any workflow"], ...(served?.workflows ?? []).map(({ name }) => [name, name] as const)];
  return (
    <div className="filters">
      <form className="filters-row" onSubmit={search} role="search">
        <label className="search grow">
          <Search aria-hidden />
          <span className="sr-only">Search questions</span>
          <input type="search" placeholder="Words of the question, or a run's id" value={text} maxLength={300} onChange={({ target }) => setText(target.value)} onBlur={() => text.trim() !== (filters.text ?? "") && onChange({ text: text.trim() })} />
        </label>
        <Choice label="Status" value={filters.status} options={STATUSES} onPick={(status) => onChange({ status })} />
        <Choice label="Mode" value={filters.mode} options={MODE_OPTIONS} onPick={(mode) => onChange({ mode })} />
        <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Filter aria-hidden /> Filters{more > 0 && ` · ${more}`}
        </Button>
        {Object.keys(filters).length > 0 && <Button kind="ghost" onClick={onClear}>Clear</Button>}
      </form>
      {isOpen && (
        <div className="filters-more">
          <Field label="Workflow"><Choice label="Workflow" value={filters.workflow} options={workflows} onPick={(workflow) => onChange({ workflow })} /></Field>
          {session?.tenant_id == null && <Entry label="Tenant" value={filters.tenant} onSet={(tenant) => onChange({ tenant })} />}
          <Entry label="User" value={filters.user} onSet={(user) => onChange({ user })} />
          <Entry label="Model" value={filters.model} onSet={(model) => onChange({ model })} />
          <Field label="Quality"><Choice label="Quality" value={filters.degraded} options={DEGRADED} onPick={(degraded) => onChange({ degraded })} /></Field>
          <Field label="Feedback"><Choice label="Feedback" value={filters.feedback} options={FEEDBACK} onPick={(feedback) => onChange({ feedback })} /></Field>
          <Entry label="Cost from ($)" type="number" value={filters.min_cost_dollars} onSet={(min_cost_dollars) => onChange({ min_cost_dollars })} />
          <Entry label="Cost to ($)" type="number" value={filters.max_cost_dollars} onSet={(max_cost_dollars) => onChange({ max_cost_dollars })} />
          <Entry label="Seconds from" type="number" value={filters.min_seconds} onSet={(min_seconds) => onChange({ min_seconds })} />
          <Entry label="Seconds to" type="number" value={filters.max_seconds} onSet={(max_seconds) => onChange({ max_seconds })} />
          <Entry label="Begun from" type="date" value={filters.from} onSet={(from) => onChange({ from })} />
          <Entry label="Begun before" type="date" value={filters.to} onSet={(to) => onChange({ to })} />
        </div>
      )}
    </div>
  );
}
