/** How long each kind of data is kept, for whom, and what was deleted last. */

import { useQuery } from "@tanstack/react-query";

import type { Schema } from "../api/client";
import { retentionQuery } from "../api/queries";
import { usePermissions } from "../shell/permissions";
import { useTenant } from "../shell/identity";
import { Reading } from "../ui/Reading";
import { Table } from "../ui/Table";
import { ago, count, counted, moment } from "../ui/format";

type View = Schema<"RetentionView">;
type Kind = View["kinds"][number]["kind"];

const KINDS: Record<Kind, [name: string, what: string]> = {
  runs: ["Runs", "Ended runs with request, answer, decisions and feedback, from their begin"],
  conversations: ["Conversations", "With all messages, from the last one"],
  documents: ["Documents", "With their passages, from when they were stored last"],
  dead_letters: ["Dead letters", "Those that somebody has seen to, from when they were set aside"],
};

const HOUR = 3_600;
const DAY = 24 * HOUR;

function period(seconds: number | null): string {
  if (seconds === null) return "Forever";
  const [number, unit] = seconds % DAY === 0 ? [seconds / DAY, "day"] : [seconds / HOUR, "hour"];
  return counted(number, unit);
}

export function Retention() {
  const query = useQuery(retentionQuery);
  const { isForAllTenants } = usePermissions();
  const { tenant } = useTenant();
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div>
          <h1>Retention</h1>
          <p className="quiet">How long {isForAllTenants ? "each kind of data" : `the data of ${tenant}`} is kept. The ledger and the audit log are never deleted.</p>
        </div>
      </header>
      <Reading query={query}>{(view) => <Kept view={view} isForAllTenants={isForAllTenants} />}</Reading>
    </main>
  );
}

function Kept({ view, isForAllTenants }: { view: View; isForAllTenants: boolean }) {
  const isAllKept = view.kinds.every(({ seconds, tenants }) => [seconds, ...Object.values(tenants)].every((each) => each === null));
  return (
    <>
      <LastPass view={view} isAllKept={isAllKept} />
      <Table label="Periods" columns={["Data", "Kept for", ...(isForAllTenants ? ["Tenants with their own period"] : []), ...(view.deleted ? [{ name: "Deleted last", isNumber: true }] : [])]}>
        {view.kinds.map(({ kind, seconds, tenants }) => (
          <tr key={kind}>
            <td><strong>{KINDS[kind][0]}</strong><span className="cell-sub">{KINDS[kind][1]}</span></td>
            <td className="nowrap">{period(seconds)}</td>
            {isForAllTenants && (
              <td className="cell-details">
                {Object.entries(tenants).map(([name, own]) => <span key={name}><span className="quiet">{name}</span> {period(own)}</span>)}
                {!Object.keys(tenants).length && "–"}
              </td>
            )}
            {view.deleted && <td className="number">{view.deleted[kind] === undefined ? "–" : count(view.deleted[kind])}</td>}
          </tr>
        ))}
      </Table>
      <p className="quiet after-table">The table <code>retention</code> of <code>vital.toml</code> sets the periods; they hold from the engine’s next start on.</p>
    </>
  );
}

function LastPass({ view, isAllKept }: { view: View; isAllKept: boolean }) {
  if (isAllKept) return <p className="notice" role="status">Everything is kept forever.</p>;
  if (view.last_pass_at === null) return <p className="notice notice-wait" role="status">No pass has come to its end yet. One begins each hour, and at the engine’s start.</p>;
  return <p className="notice notice-good" role="status">What was due was last deleted <time dateTime={view.last_pass_at} title={moment(view.last_pass_at)}>{ago(view.last_pass_at)}</time>.</p>;
}
