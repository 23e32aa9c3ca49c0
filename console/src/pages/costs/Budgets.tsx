/** What tenants may spend, what is left of it, and where the month will end. */

import { useQuery } from "@tanstack/react-query";

import type { Schema } from "../../api/client";
import { budgetsQuery, forecastQuery } from "../../api/queries";
import { Reading } from "../../ui/Reading";
import { Table } from "../../ui/Table";
import { dollars, moment, percent, until } from "../../ui/format";

type Standing = Schema<"TenantStanding">;
type Forecast = Schema<"MonthForecast">;

export function Budgets({ tenant }: { tenant: string | undefined }) {
  const budgets = useQuery(budgetsQuery(tenant));
  const { data: forecast } = useQuery(forecastQuery(tenant));
  return (
    <Reading query={budgets}>
      {({ budgets: all }) => {
        const rows = all.filter(({ daily, monthly }) => daily || monthly);
        if (!rows.length) return <p className="quiet">{tenant ? `${tenant} has no budget: it may spend without a limit.` : "No tenant has a budget: all may spend without a limit."}</p>;
        return <Rows rows={rows} forecast={forecast} />;
      }}
    </Reading>
  );
}

function Rows({ rows, forecast }: { rows: readonly Standing[]; forecast: Schema<"MonthForecasts"> | undefined }) {
  return (
    <Table label="Budgets" columns={["Tenant", "Budget", "Used", { name: "Left", isNumber: true }, "Begins anew", "Month’s end"]}>
      {rows.flatMap((standing) => lines(standing, forecast?.tenants[standing.tenant_id]))}
    </Table>
  );
}

function lines(standing: Standing, forecast: Forecast | undefined) {
  const kinds = [["a day", standing.daily, undefined], ["a month", standing.monthly, forecast]] as const;
  return kinds.flatMap(([period, allowance, expected]) =>
    allowance ? [<Line key={`${standing.tenant_id} ${period}`} tenant={standing.tenant_id} period={period} allowance={allowance} forecast={expected} />] : [],
  );
}

interface LineProps {
  tenant: string;
  period: string;
  allowance: Schema<"Allowance">;
  forecast: Forecast | undefined;
}

function Line({ tenant, period, allowance, forecast }: LineProps) {
  const [limit, spent, left] = [allowance.limit_dollars, allowance.spent_dollars, allowance.left_dollars].map(Number) as [number, number, number];
  const share = limit ? spent / limit : 1;
  const tone = share >= 1 ? "gauge gauge-bad" : share >= 0.8 ? "gauge gauge-wait" : "gauge";
  return (
    <tr>
      <td>{tenant}</td>
      <td className="nowrap">{dollars(limit)} {period}</td>
      <td className="cell-gauge">
        {dollars(spent)}, {percent(share)}
        <span className={tone} aria-hidden><span style={{ width: `${Math.min(100, 100 * share)}%` }} /></span>
      </td>
      <td className="number">{dollars(Math.max(0, left))}</td>
      <td className="nowrap"><time dateTime={allowance.resets_at} title={moment(allowance.resets_at)}>{until(allowance.resets_at)}</time></td>
      <td>{forecast ? <Expected forecast={forecast} limit={limit} /> : "–"}</td>
    </tr>
  );
}

function Expected({ forecast, limit }: { forecast: Forecast; limit: number }) {
  if (forecast.expected_dollars === null) return <span className="quiet">no complete day yet</span>;
  const isOver = forecast.expected_dollars > limit;
  return (
    <>
      <span className={isOver ? "badge badge-bad" : "badge badge-good"}>{isOver ? "Goes over" : "Stays within"}</span> {dollars(forecast.expected_dollars)}
    </>
  );
}
