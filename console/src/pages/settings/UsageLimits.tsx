/** Limits of organisations, tenants, keys and users, in dollars or tokens: what each allows, and what is left of it. */

import { useState } from "react";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";

import { json, type Schema, send } from "../../api/client";
import { usageLimitsQuery } from "../../api/queries";
import { ID, useTenant } from "../../shell/identity";
import { usePermissions } from "../../shell/permissions";
import { Confirm } from "../../ui/Confirm";
import { FormDialog } from "../../ui/FormDialog";
import { Button, Field, IconButton } from "../../ui/parts";
import { Reading } from "../../ui/Reading";
import { ShowMore } from "../../ui/ShowMore";
import { ACTIONS, Table } from "../../ui/Table";
import { counted, dollars, moment, percent, sentence, until } from "../../ui/format";

type Standing = Schema<"UsageStanding">;
type Shown = { kind: "edit" | "remove"; standing: Standing } | { kind: "create" } | null;

const LEVELS: readonly Standing["level"][] = ["organisation", "tenant", "key", "user"];
const UNITS: readonly Standing["unit"][] = ["dollars", "tokens"];
const PERIODS: readonly Standing["period"][] = ["minute", "day", "month"];

const amountOf = ({ unit }: Pick<Standing, "unit">, text: string): string => (unit === "dollars" ? dollars(text) : counted(Number(text), "token"));
const holderOf = ({ level, id, tenant_id, model }: Standing): string => `the ${level} ${id}${tenant_id ? ` of ${tenant_id}` : ""}${model ? ` for ${model}` : ""}`;
const nameOf = (standing: Standing): string => `${holderOf(standing)}, ${standing.unit} a ${standing.period}`;

export function UsageLimits() {
  const { may, isForAllTenants } = usePermissions();
  const mayChange = may("admin") && isForAllTenants;
  const query = useInfiniteQuery(usageLimitsQuery);
  const client = useQueryClient();
  const [shown, setShown] = useState<Shown>(null);
  const close = () => setShown(null);
  const changed = () => { void client.invalidateQueries({ queryKey: usageLimitsQuery.queryKey }); close(); };
  const limits = query.data?.pages.flatMap((page) => page.limits) ?? [];
  return (
    <section className="block">
      <div className="bar">
        <h2>Organisations, tenants, keys and users</h2>
        {mayChange && <Button className="push" onClick={() => setShown({ kind: "create" })}><Plus aria-hidden /> Add a limit</Button>}
      </div>
      <p className="quiet">Every limit above a request has to allow it. What running requests may still use is reserved, and not left.</p>
      <Reading query={query}>{() => !limits.length ? (
        <p className="quiet">There are none of these limits.</p>
      ) : (
        <Table label="Limits by level" columns={["For", "Used", { name: "Left", isNumber: true }, "Resets", ACTIONS]}>
          {limits.map((standing) => (
            <tr key={standing.limit_id}>
              <td className="cell-name">
                <strong>{standing.id}</strong>
                <span className="cell-sub">{sentence(standing.level)}{standing.tenant_id && ` of ${standing.tenant_id}`}, {standing.model ?? "all models"}</span>
              </td>
              <td className="cell-gauge"><Used standing={standing} /></td>
              <td className="number nowrap">{amountOf(standing, standing.left)}</td>
              <td className="nowrap"><time dateTime={standing.resets_at} title={moment(standing.resets_at)}>{until(standing.resets_at)}</time></td>
              <td className="number nowrap">
                {mayChange && (
                  <>
                    <IconButton label={`Change the limit of ${nameOf(standing)}`} onClick={() => setShown({ kind: "edit", standing })}><Pencil aria-hidden /></IconButton>
                    <IconButton label={`Remove the limit of ${nameOf(standing)}`} onClick={() => setShown({ kind: "remove", standing })}><Trash2 aria-hidden /></IconButton>
                  </>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}</Reading>
      <ShowMore query={query} label="Show more limits" />
      {shown?.kind === "create" && <LimitForm standing={null} onSaved={changed} onClose={close} />}
      {shown?.kind === "edit" && <LimitForm standing={shown.standing} onSaved={changed} onClose={close} />}
      {shown?.kind === "remove" && (
        <Confirm title="Remove this limit?" action="Remove" work={() => send(`/v1/limits/${encodeURIComponent(shown.standing.limit_id)}`, { method: "DELETE" })} onDone={changed} onClose={close}>
          It is that of {nameOf(shown.standing)}. The other limits above its requests still hold.
        </Confirm>
      )}
    </section>
  );
}

function Used({ standing }: { standing: Standing }) {
  const [amount, spent] = [Number(standing.amount), Number(standing.spent)];
  const share = amount ? spent / amount : 1;
  const tone = share >= 1 ? "gauge gauge-bad" : share >= 0.8 ? "gauge gauge-wait" : "gauge";
  return (
    <>
      <strong>{percent(share)}</strong> of {amountOf(standing, standing.amount)} a {standing.period}
      <span className={tone} aria-hidden><span style={{ width: `${Math.min(100, 100 * share)}%` }} /></span>
      <span className="cell-sub">{amountOf(standing, standing.spent)} used{Number(standing.reserved) > 0 && `, ${amountOf(standing, standing.reserved)} reserved`}</span>
    </>
  );
}

function LimitForm({ standing, onSaved, onClose }: { standing: Standing | null; onSaved: () => void; onClose: () => void }) {
  const { tenant } = useTenant();
  const [limit, setLimit] = useState({
    level: standing?.level ?? "tenant",
    id: standing?.id ?? "",
    tenant_id: standing?.tenant_id ?? tenant,
    model: standing?.model ?? "",
    unit: standing?.unit ?? "dollars",
    period: standing?.period ?? "day",
    amount: standing?.amount ?? "",
  });
  const entry = (name: keyof typeof limit) => ({
    value: limit[name],
    onChange: ({ target }: { target: { value: string } }) => setLimit({ ...limit, [name]: target.value }),
  });
  const body = { ...limit, tenant_id: limit.level === "user" ? limit.tenant_id : null, model: limit.model || null };
  const save = () => json<Standing>("/v1/limits", { method: "PUT", body });
  const isNew = standing === null;
  return (
    <FormDialog
      title={isNew ? "Add a limit" : "Change the limit"}
      description={isNew ? "It counts what the running period has cost by now." : `Of ${nameOf(standing)}.`}
      action="Save" save={save} onSaved={onSaved} onClose={onClose}
    >
      {isNew && (
        <>
          <div className="columns">
            <Field label="Level"><Options options={LEVELS} {...entry("level")} /></Field>
            <Field label={`Id of the ${limit.level}`}><input required pattern={ID.source} {...entry("id")} /></Field>
          </div>
          {limit.level === "user" && <Field label="Tenant of the user"><input required pattern={ID.source} {...entry("tenant_id")} /></Field>}
          <Field label="Model" hint="As provider:model; empty: all models, and all else that costs."><input maxLength={200} {...entry("model")} /></Field>
          <div className="columns">
            <Field label="Unit"><Options options={UNITS} {...entry("unit")} /></Field>
            <Field label="Period"><Options options={PERIODS} {...entry("period")} /></Field>
          </div>
        </>
      )}
      <Field label={limit.unit === "dollars" ? "Dollars" : "Tokens"}><input required type="number" min={0} step={limit.unit === "dollars" ? "any" : 1} {...entry("amount")} /></Field>
    </FormDialog>
  );
}

function Options({ options, ...rest }: { options: readonly string[]; value: string; onChange: (event: { target: { value: string } }) => void }) {
  return <select {...rest}>{options.map((each) => <option key={each} value={each}>{sentence(each)}</option>)}</select>;
}
