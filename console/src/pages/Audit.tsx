/** The audit log: who changed what, found by filters that stand in the address, and exported. */

import { useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Filter, ScrollText } from "lucide-react";

import { type Schema, withQuery } from "../api/client";
import { type AuditFilters, auditQuery } from "../api/queries";
import { useIsNarrow } from "../shell/narrow";
import { usePermissions } from "../shell/permissions";
import { Export } from "../ui/Export";
import { Choice, Entry } from "../ui/filters";
import { Button, Empty } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { ShowMore } from "../ui/ShowMore";
import { Table } from "../ui/Table";
import { moment, sentence, shortMoment } from "../ui/format";

type LogEntry = Schema<"AuditEntry">;
type Action = LogEntry["action"];

const ACTIONS: Record<Action, string> = {
  key_created: "Key created", key_rotated: "Key rotated", key_revoked: "Key revoked", key_deleted: "Key deleted",
  agent_saved: "Agent saved", agent_deleted: "Agent deleted",
  document_added: "Document added", document_replaced: "Document replaced", document_deleted: "Document deleted",
  budget_set: "Budget set", budget_deleted: "Budget deleted",
  limit_set: "Limit set", limit_removed: "Limit removed", organisation_joined: "Tenant put under an organisation", organisation_left: "Tenant taken out of an organisation",
  tool_approved: "Tool approved", tool_edited: "Tool edited", tool_denied: "Tool denied", run_answered: "Question of a run answered",
  person_exported: "Person exported", person_erased: "Person erased",
  alert_silenced: "Alert silenced", silence_ended: "Silence ended",
  database_backed_up: "Database backed up", database_restored: "Database restored",
  database_copied: "Database copied",
};
const ACTION_OPTIONS: ReadonlyArray<readonly [string, string]> = [["", "Any action"], ...Object.entries(ACTIONS)];

const ACTORS: Record<LogEntry["actor_kind"], string> = { key: "Key", user: "User", local: "This machine", cli: "Command line", program: "Program" };

export function Audit() {
  const filters = useSearch({ from: "/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const { isForAllTenants } = usePermissions();
  const query = useInfiniteQuery(auditQuery(filters));
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
  const set = (part: AuditFilters) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const { tenant, ...asked } = filters;
  const used = Object.keys(filters).length;
  const isFiltered = used > 0;
  const isNarrow = useIsNarrow();
  const [isOpen, setOpen] = useState(false);
  return (
    <main className="page page-wide" id="main">
      <header className="page-head">
        <div>
          <h1>Audit log</h1>
          <p className="quiet">Who changed what. Entries are added and never changed; what people write is not in them.</p>
        </div>
        <div className="row">
          <Export label="CSV" path={withQuery("/v1/audit/export", { ...asked, format: "csv" })} tenant={tenant} name="audit.csv" />
          <Export label="JSON lines" path={withQuery("/v1/audit/export", { ...asked, format: "jsonl" })} tenant={tenant} name="audit.jsonl" />
        </div>
      </header>
      <div className="filters" role="search" aria-label="Filters">
        {isNarrow && <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}><Filter aria-hidden /> Filters{used > 0 && ` · ${used}`}</Button>}
        {(isOpen || !isNarrow) && <div className="filters-more filters-log">
          <label className="field"><span className="field-label">Action</span><Choice label="Action" value={filters.action} options={ACTION_OPTIONS} onPick={(action) => set({ action })} /></label>
          <Entry label="Actor" value={filters.actor} onSet={(actor) => set({ actor })} />
          <Entry label="Object" value={filters.object} onSet={(object) => set({ object })} />
          <Entry label="Person" value={filters.person} onSet={(person) => set({ person })} />
          {isForAllTenants && <Entry label="Tenant" value={tenant} onSet={(chosen) => set({ tenant: chosen })} />}
          <Entry label="From (UTC)" type="date" value={filters.from} onSet={(from) => set({ from })} />
          <Entry label="Before (UTC)" type="date" value={filters.to} onSet={(to) => set({ to })} />
          {isFiltered && <Button kind="ghost" className="filters-clear" onClick={() => void navigate({ search: {} })}>Clear</Button>}
        </div>}
      </div>
      <Reading query={query} label="Reading the log">{(data) => !entries.length ? (
        <Empty title={isFiltered ? "No entry fits these filters" : "Nothing was changed yet"} icon={<ScrollText />}>{isFiltered ? "Take some of them away." : "Changes of keys, agents, documents, limits and silences, and decisions on runs will be here."}</Empty>
      ) : (
        <>
          <Table label="Audit log" columns={["Action", "Object", "By", ...(isForAllTenants ? ["Tenant"] : []), "Person", "Details", { name: "When", isNumber: true }]}>
            {entries.map((entry) => <Line key={entry.id} entry={entry} hasTenant={isForAllTenants} />)}
          </Table>
          <ShowMore query={query} label="Show older entries" />
          <Protection kind={data.pages[0]!.protection} />
        </>
      )}</Reading>
    </main>
  );
}

function Line({ entry, hasTenant }: { entry: LogEntry; hasTenant: boolean }) {
  const details = Object.entries(entry.details).filter(([, value]) => value !== null && value !== "");
  return (
    <tr>
      <td className="cell-head nowrap"><strong>{ACTIONS[entry.action] ?? sentence(entry.action)}</strong>{entry.outcome === "partial" && <span className="cell-sub">In part: do it again</span>}</td>
      <td className={entry.object ? "cell-name" : undefined}>{entry.object ? <code>{entry.object}</code> : "–"}</td>
      <td className="nowrap">{ACTORS[entry.actor_kind]}{entry.actor && <span className="cell-sub">{entry.actor}</span>}</td>
      {hasTenant && <td className="nowrap">{entry.tenant_id ?? "All"}</td>}
      <td className={entry.person ? "cell-name" : undefined}>{entry.person ?? "–"}</td>
      <td className="cell-details">{details.map(([name, value]) => <span key={name}><span className="quiet">{sentence(name)}</span> {textOf(value)}</span>)}</td>
      <td className="number nowrap"><time dateTime={entry.at} title={moment(entry.at)}>{shortMoment(entry.at)}</time></td>
    </tr>
  );
}

const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value));

function Protection({ kind }: { kind: Schema<"AuditPage">["protection"] }) {
  return (
    <p className="quiet after-table">
      {kind === "role"
        ? "The engine’s own role of the database can add entries, and neither change nor delete them."
        : "The database refuses to change or delete entries. With its address that protection can be taken away: a role of its own prevents it."}
    </p>
  );
}
