/** What was spent and saved, by whom and for what, and what is left of the budgets. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Coins } from "lucide-react";

import { type Schema, withQuery } from "../api/client";
import { costsQuery, forecastQuery } from "../api/queries";
import { usePermissions } from "../shell/permissions";
import { useTenant } from "../shell/identity";
import { Export } from "../ui/Export";
import { Empty } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { Table } from "../ui/Table";
import { count, counted, dollars, MODES } from "../ui/format";
import { Budgets } from "./costs/Budgets";
import { DayBars, withoutGaps } from "./costs/DayBars";
import { firstDay, isPeriod, type Period, PERIODS, today } from "./costs/period";

type Line = Schema<"CostLine">;
type Sums = Schema<"CostSums">;

const GROUPS = { day: "Day", tenant: "Tenant", user: "User", mode: "Mode", model: "Model", agent: "Agent", workflow: "Workflow", type: "Kind" } as const;
type Group = keyof typeof GROUPS;
const isGroup = (text: string | undefined): text is Group => text !== undefined && text in GROUPS;

const KINDS: Record<string, string> = { llm: "Models", tools: "Tools", rag: "Search" };
const NOTHING: Partial<Record<Group, string>> = { model: "Tools and search", user: "Saved by the cache", agent: "Saved by the cache", workflow: "Saved by the cache" };

export function Costs() {
  const search = useSearch({ from: "/costs" });
  const navigate = useNavigate({ from: "/costs" });
  const { isForAllTenants } = usePermissions();
  const { tenant: own } = useTenant();
  const set = (part: typeof search) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const period: Period = isPeriod(search.period) ? search.period : "month";
  const by: Group = isGroup(search.by) ? search.by : isForAllTenants ? "tenant" : "model";
  const tenant = isForAllTenants ? search.tenant : own;
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div>
          <h1>Costs</h1>
          <p className="quiet">From the ledger, exact to the billionth of a dollar. Days are those of UTC.</p>
        </div>
      </header>
      <div className="bar">
        <Choice label="Time" value={period} options={PERIODS} onPick={(value) => set({ period: value })} />
        <Choice label="By" value={by} options={GROUPS} onPick={(value) => set({ by: value })} />
        {isForAllTenants && (
          <Choice label="Tenant" value={tenant ? "one" : "all"} options={{ all: "All tenants", one: `Only ${tenant ?? own}` }} onPick={(value) => set({ tenant: value === "one" ? own : "" })} />
        )}
        <Export className="push" label="CSV" path={withQuery("/v1/costs", { group_by: by, from: firstDay(period), format: "csv" })} tenant={tenant} name={`costs-by-${by}.csv`} />
      </div>
      <Spending period={period} by={by} tenant={tenant} />
      <section className="block">
        <h2>Budgets</h2>
        <Budgets tenant={tenant} />
      </section>
    </main>
  );
}

function Spending({ period, by, tenant }: { period: Period; by: Group; tenant: string | undefined }) {
  const from = firstDay(period);
  const days = useQuery(costsQuery("day", from, tenant));
  const lines = useQuery(costsQuery(by, from, tenant));
  const refetch = () => Promise.all([days.refetch(), lines.refetch()]);
  const both = { data: days.data && lines.data && ([days.data, lines.data] as const), error: days.error ?? lines.error, refetch };
  return (
    <Reading query={both} label="Adding up">
      {([{ total, lines: ofDays }, grouped]) => {
        if (!ofDays.length) return <Empty title="Nothing was charged in this time" icon={<Coins />}>Runs that call models, tools or paid sources will be here.</Empty>;
        const bars = ofDays.map(({ group, cost_dollars }) => ({ day: group.day ?? "", cost: Number(cost_dollars) }));
        return (
          <>
            <Figures total={total} tenant={tenant} />
            <DayBars days={withoutGaps(bars, from, today())} />
            <Lines lines={grouped.lines} total={grouped.total} by={by} />
            <Doubts total={total} />
          </>
        );
      }}
    </Reading>
  );
}

function Figures({ total, tenant }: { total: Sums; tenant: string | undefined }) {
  const { data } = useQuery(forecastQuery(tenant));
  const expected = data?.overall;
  return (
    <dl className="figures">
      <Figure name="Spent" value={dollars(total.cost_dollars)} />
      <Figure name="Saved by the cache" value={dollars(total.saved_dollars)} more={counted(total.hits, "answer")} />
      <Figure name="Calls" value={count(total.calls)} more={`${count(total.input_tokens)} tokens read, ${count(total.output_tokens)} written`} />
      <Figure
        name={`Forecast for ${expected?.month ?? "the month"}`}
        value={expected?.expected_dollars == null ? "–" : dollars(expected.expected_dollars)}
        more={!expected || expected.expected_dollars === null ? "no complete day yet" : expected.low_dollars === null || expected.high_dollars === null ? "a rough guess" : `probably ${dollars(expected.low_dollars)} to ${dollars(expected.high_dollars)}`}
      />
    </dl>
  );
}

function Figure({ name, value, more }: { name: string; value: string; more?: string }) {
  return (
    <div className="card figure">
      <dt>{name}</dt>
      <dd>{value}{more && <small>{more}</small>}</dd>
    </div>
  );
}

const number = (name: string) => ({ name, isNumber: true });

function Lines({ lines, total, by }: { lines: readonly Line[]; total: Sums; by: Group }) {
  const sorted = by === "day" ? lines.toReversed() : lines.toSorted((one, other) => Number(other.cost_dollars) - Number(one.cost_dollars));
  const most = Math.max(...lines.map(({ cost_dollars }) => Number(cost_dollars)), 0);
  return (
    <Table label={`Costs by ${GROUPS[by].toLowerCase()}`} columns={[GROUPS[by], number("Cost"), { name: "Share", isHidden: true }, number("Saved"), number("Calls"), number("Tokens read"), number("Tokens written")]} footer={<Total total={total} />}>
      {sorted.map((line) => (
        <tr key={line.group[by] ?? ""}>
          <td className="cell-name">{named(by, line.group[by] ?? null)}</td>
          <td className="number">{dollars(line.cost_dollars)}</td>
          <td className="cell-gauge"><span className="gauge" aria-hidden><span style={{ width: `${most ? (100 * Number(line.cost_dollars)) / most : 0}%` }} /></span></td>
          <td className="number">{dollars(line.saved_dollars)}</td>
          <td className="number">{count(line.calls)}</td>
          <td className="number">{count(line.input_tokens)}</td>
          <td className="number">{count(line.output_tokens)}</td>
        </tr>
      ))}
    </Table>
  );
}

function Total({ total }: { total: Sums }) {
  return (
    <tr>
      <th>Total</th><td className="number">{dollars(total.cost_dollars)}</td><td /><td className="number">{dollars(total.saved_dollars)}</td>
      <td className="number">{count(total.calls)}</td><td className="number">{count(total.input_tokens)}</td><td className="number">{count(total.output_tokens)}</td>
    </tr>
  );
}

function named(by: Group, value: string | null): string {
  if (!value) return NOTHING[by] ?? "–";
  if (by === "mode") return MODES[value] ?? value;
  return by === "type" ? (KINDS[value] ?? value) : value;
}

const calls = (number: number, one: string, more: string): string => (number === 1 ? `1 call ${one}` : `${count(number)} calls ${more}`);

/** What makes the sums less certain than they look. */
function Doubts({ total }: { total: Sums }) {
  const doubts = [
    total.unpriced_calls && `${calls(total.unpriced_calls, "has", "have")} no known price: such calls count as $0.`,
    total.estimated_calls && `${calls(total.estimated_calls, "was", "were")} charged by estimated tokens, since the provider gave no counts.`,
    total.clamped_calls && `${calls(total.clamped_calls, "was", "were")} charged the nearest possible amount, since the provider counted something impossible.`,
  ].filter(Boolean);
  if (!doubts.length) return null;
  return <ul className="notice notice-wait doubts">{doubts.map((doubt) => <li key={doubt || ""}>{doubt}</li>)}</ul>;
}

interface ChoiceProps {
  label: string;
  value: string;
  options: Record<string, string>;
  onPick: (value: string) => void;
}

function Choice({ label, value, options, onPick }: ChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={({ target }) => onPick(target.value)}>
      {Object.entries(options).map(([id, name]) => <option key={id} value={id}>{label === "By" ? `By ${name.toLowerCase()}` : name}</option>)}
    </select>
  );
}
