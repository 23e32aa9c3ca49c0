/** What tenants may spend, how often they may ask and with which models. */

import { useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Gauge, Pencil, Plus, Trash2 } from "lucide-react";

import { type Schema, send } from "../../api/client";
import { budgetsQuery } from "../../api/queries";
import { usePermissions } from "../../shell/permissions";
import { ID, useTenant } from "../../shell/identity";
import { Confirm } from "../../ui/Confirm";
import { FormDialog } from "../../ui/FormDialog";
import { Button, Empty, Field, IconButton } from "../../ui/parts";
import { Reading } from "../../ui/Reading";
import { ACTIONS, Table } from "../../ui/Table";
import { count, dollars } from "../../ui/format";
import { UsageLimits } from "./UsageLimits";

type Standing = Schema<"TenantStanding">;
type Shown = { kind: "edit" | "delete"; standing: Standing } | { kind: "create" } | null;

export function Limits() {
  const { may, isForAllTenants } = usePermissions();
  const mayChange = may("admin") && isForAllTenants;
  const query = useQuery(budgetsQuery());
  const client = useQueryClient();
  const [shown, setShown] = useState<Shown>(null);
  const close = () => setShown(null);
  const changed = () => { void client.invalidateQueries({ queryKey: ["budgets"] }); close(); };
  const limits = query.data?.budgets ?? [];
  return (
    <>
      {mayChange && <div className="bar"><Button kind="primary" className="push" onClick={() => setShown({ kind: "create" })}><Plus aria-hidden /> Limit a tenant</Button></div>}
      <Reading query={query}>{() => !limits.length ? (
        <Empty title="There are no limits" icon={<Gauge />}>{isForAllTenants ? "All tenants may ask and spend without any." : "An operator sets them."}</Empty>
      ) : (
        <Table label="Limits" columns={["Tenant", { name: "A day", isNumber: true }, { name: "A month", isNumber: true }, { name: "Requests a minute", isNumber: true }, { name: "Share", isNumber: true }, "Models", ACTIONS]}>
          {limits.map((standing) => (
            <tr key={standing.tenant_id}>
              <td>{standing.tenant_id}</td>
              <td className="number">{standing.daily ? dollars(standing.daily.limit_dollars) : "–"}</td>
              <td className="number">{standing.monthly ? dollars(standing.monthly.limit_dollars) : "–"}</td>
              <td className="number">{standing.requests_per_minute === null ? "–" : count(standing.requests_per_minute)}</td>
              <td className="number">{standing.weight ?? 1}</td>
              <td className="cell-name">{standing.models?.join(", ") || "Those of its agents"}</td>
              <td className="number nowrap">
                {mayChange && (
                  <>
                    <IconButton label={`Edit the limits of ${standing.tenant_id}`} onClick={() => setShown({ kind: "edit", standing })}><Pencil aria-hidden /></IconButton>
                    <IconButton label={`Delete the limits of ${standing.tenant_id}`} onClick={() => setShown({ kind: "delete", standing })}><Trash2 aria-hidden /></IconButton>
                  </>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}</Reading>
      <UsageLimits />
      {shown?.kind === "create" && <LimitsForm standing={null} onSaved={changed} onClose={close} />}
      {shown?.kind === "edit" && <LimitsForm standing={shown.standing} onSaved={changed} onClose={close} />}
      {shown?.kind === "delete" && (
        <Confirm title={`Delete the limits of ${shown.standing.tenant_id}?`} action="Delete" work={() => send(`/v1/budgets/${encodeURIComponent(shown.standing.tenant_id)}`, { method: "DELETE" })} onDone={changed} onClose={close}>
          It may then ask and spend without any.
        </Confirm>
      )}
    </>
  );
}

function LimitsForm({ standing, onSaved, onClose }: { standing: Standing | null; onSaved: () => void; onClose: () => void }) {
  const { tenant: current } = useTenant();
  const [tenant, setTenant] = useState(standing?.tenant_id ?? current);
  const [texts, setTexts] = useState({
    daily_dollars: standing?.daily?.limit_dollars ?? "",
    monthly_dollars: standing?.monthly?.limit_dollars ?? "",
    requests_per_minute: text(standing?.requests_per_minute),
    weight: text(standing?.weight),
    models: standing?.models?.join(", ") ?? "",
  });
  const entry = (name: keyof typeof texts) => ({ value: texts[name], onChange: ({ target }: { target: { value: string } }) => setTexts({ ...texts, [name]: target.value }) });
  const save = () => send(`/v1/budgets/${encodeURIComponent(tenant)}`, { method: "PUT", body: limitsOf(texts) });
  return (
    <FormDialog title={standing ? `Limits of ${standing.tenant_id}` : "Limit a tenant"} description="What is left empty is not limited." action="Save" save={save} onSaved={onSaved} onClose={onClose}>
      {!standing && <Field label="Tenant"><input required pattern={ID.source} value={tenant} onChange={({ target }) => setTenant(target.value)} /></Field>}
      <div className="columns">
        <Field label="Dollars a day"><input type="number" min={0} step="any" {...entry("daily_dollars")} /></Field>
        <Field label="Dollars a month"><input type="number" min={0} step="any" {...entry("monthly_dollars")} /></Field>
      </div>
      <div className="columns">
        <Field label="Requests a minute"><input type="number" min={1} max={60_000} {...entry("requests_per_minute")} /></Field>
        <Field label="Share" hint="Beside a tenant with 1, where they wait."><input type="number" min={1} max={100} {...entry("weight")} /></Field>
      </div>
      <Field label="Models" hint="Beside those of its agents; with commas between."><input {...entry("models")} /></Field>
    </FormDialog>
  );
}

const text = (number: number | null | undefined): string => (number == null ? "" : String(number));

function limitsOf(texts: Record<"daily_dollars" | "monthly_dollars" | "requests_per_minute" | "weight" | "models", string>) {
  const models = texts.models.split(",").map((each) => each.trim()).filter(Boolean);
  return {
    daily_dollars: texts.daily_dollars || null,
    monthly_dollars: texts.monthly_dollars || null,
    requests_per_minute: texts.requests_per_minute ? Number(texts.requests_per_minute) : null,
    weight: texts.weight ? Number(texts.weight) : null,
    models: models.length ? models : null,
  };
}
