/** A manager's questions with their answers, for a day, a week or a month; made to be printed. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Printer } from "lucide-react";

import type { Schema } from "../api/client";
import { reportQuery } from "../api/queries";
import { usePermissions } from "../shell/permissions";
import { useTenant } from "../shell/identity";
import { Button } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { Table } from "../ui/Table";
import { dollars, moment, percent } from "../ui/format";

type Made = Schema<"Report">;
type Answer = Made["answers"][number];

const PERIODS = { day: "Last 24 hours", week: "Last 7 days", month: "Last 30 days" } as const;
type Period = keyof typeof PERIODS;
const SECTIONS = { performance: "Performance", cost: "Cost", trends: "Trends" } as const;

export function Report() {
  const search = useSearch({ from: "/report" });
  const navigate = useNavigate({ from: "/report" });
  const { isForAllTenants } = usePermissions();
  const { tenant: own } = useTenant();
  const set = (part: typeof search) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const period = (search.period && search.period in PERIODS ? search.period : "day") as Period;
  const tenant = isForAllTenants ? search.tenant : own;
  const query = useQuery(reportQuery(period, search.until, tenant));
  return (
    <main className="page report" id="main">
      <header className="page-head">
        <div>
          <h1>Report</h1>
          <p className="quiet">{query.data ? `${query.data.tenant_id ?? "All tenants"}, from ${moment(query.data.period.start)} to ${moment(query.data.period.end)}` : "Whether the engine does what it should."}</p>
        </div>
        <Button className="no-print" disabled={!query.data} onClick={() => window.print()}><Printer aria-hidden /> Print</Button>
      </header>
      <div className="bar no-print">
        <select aria-label="Period" value={period} onChange={({ target }) => set({ period: target.value })}>
          {Object.entries(PERIODS).map(([id, name]) => <option key={id} value={id}>{name}</option>)}
        </select>
        {isForAllTenants && (
          <select aria-label="Tenant" value={tenant ? "one" : "all"} onChange={({ target }) => set({ tenant: target.value === "one" ? own : "" })}>
            <option value="all">All tenants</option>
            <option value="one">Only {tenant ?? own}</option>
          </select>
        )}
        <label className="row">Until <input type="date" aria-label="Until the end of" value={search.until ?? ""} max={new Date().toISOString().slice(0, 10)} onChange={({ target }) => set({ until: target.value })} /></label>
      </div>
      <Reading query={query} label="Adding up">{(report) => <Answers report={report} />}</Reading>
    </main>
  );
}

function Answers({ report }: { report: Made }) {
  return (
    <>
      <Summary answers={report.answers} />
      {Object.entries(SECTIONS).map(([section, name]) => (
        <section key={section} className="block" aria-label={name}>
          <h2>{name}</h2>
          <ul className="answers">
            {report.answers.filter((each) => each.section === section).map((each) => <OneAnswer key={each.question} answer={each} />)}
          </ul>
        </section>
      ))}
      {report.tenants.length > 0 && (
        <section className="block">
          <h2>Most expensive tenants</h2>
          <Table label="Most expensive tenants" columns={["Tenant", { name: "Spent", isNumber: true }, { name: "Share", isNumber: true }]}>
            {report.tenants.map((each) => <tr key={each.tenant_id}><td>{each.tenant_id}</td><td className="number">{dollars(each.dollars)}</td><td className="number">{percent(each.share)}</td></tr>)}
          </Table>
        </section>
      )}
      {report.budgets.length > 0 && <Budgets budgets={report.budgets} />}
      <section className="block">
        <h2>Forecast for {report.forecast.overall.month}</h2>
        <p>{forecast(report.forecast.overall)}</p>
      </section>
      <p className="quiet block">Made {moment(report.made_at)}.</p>
    </>
  );
}

function Summary({ answers }: { answers: readonly Answer[] }) {
  const judged = answers.filter(({ verdict }) => verdict === "met" || verdict === "missed");
  const missed = judged.filter(({ verdict }) => verdict === "missed").length;
  if (!judged.length) return <p className="notice">Nothing happened in this time that could be judged.</p>;
  return missed
    ? <p className="notice notice-bad">{missed === 1 ? "1 target was" : `${missed} targets were`} missed, of {judged.length} that could be judged.</p>
    : <p className="notice notice-good">{judged.length === 1 ? "The one target that could be judged was met." : `All ${judged.length} targets that could be judged were met.`}</p>;
}

const VERDICTS = { met: ["Met", "badge badge-good"], missed: ["Missed", "badge badge-bad"], "no data": ["No data", "badge"], none: ["", ""] } as const;

function OneAnswer({ answer: { question, figure, value, target, verdict } }: { answer: Answer }) {
  const [name, look] = VERDICTS[verdict];
  return (
    <li className="card answer-line">
      <div>
        <strong>{question}</strong>
        <p className="quiet">{target !== "-" && `Target: ${target}`}</p>
      </div>
      <p className="answer-figure">{value === null ? "–" : figure}</p>
      {name && <span className={look}>{name}</span>}
    </li>
  );
}

function Budgets({ budgets }: { budgets: Made["budgets"] }) {
  return (
    <section className="block">
      <h2>Budgets</h2>
      <Table label="Budgets" columns={["Tenant", { name: "Dearest day", isNumber: true }, { name: "Month so far", isNumber: true }, "State"]}>
        {budgets.map((each) => (
          <tr key={each.tenant_id}>
            <td>{each.tenant_id}</td>
            <td className="number">{against(each.highest_day_dollars, each.daily_limit_dollars)}</td>
            <td className="number">{against(each.month_dollars, each.monthly_limit_dollars)}</td>
            <td>{each.is_over ? <span className="badge badge-bad">Over</span> : <span className="badge badge-good">Within</span>}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

const against = (spent: string, limit: string | null): string => (limit === null ? dollars(spent) : `${dollars(spent)} of ${dollars(limit)}`);

function forecast({ spent_dollars, expected_dollars, low_dollars, high_dollars, days }: Schema<"MonthForecast">): string {
  if (expected_dollars === null) return `${dollars(spent_dollars)} so far; no day is complete yet, so there is no forecast.`;
  const likely = low_dollars === null || high_dollars === null ? `a rough guess from ${days} days` : `probably ${dollars(low_dollars)} to ${dollars(high_dollars)}, from ${days} days`;
  return `${dollars(spent_dollars)} so far, ${dollars(expected_dollars)} by its end: ${likely}.`;
}
