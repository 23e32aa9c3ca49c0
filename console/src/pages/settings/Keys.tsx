/** The keys: made, shown once, and revoked. */

import { useState } from "react";
import { Dialog } from "@ark-ui/react/dialog";
import { Portal } from "@ark-ui/react/portal";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ban, Check, Copy, KeyRound, Plus } from "lucide-react";

import { json, type Schema, send } from "../../api/client";
import { keysQuery, sessionQuery } from "../../api/queries";
import { useTenant } from "../../shell/identity";
import { type Scope, usePermissions } from "../../shell/permissions";
import { Confirm } from "../../ui/Confirm";
import { copyText } from "../../ui/clipboard";
import { FormDialog } from "../../ui/FormDialog";
import { Button, Empty, Field, IconButton } from "../../ui/parts";
import { Reading } from "../../ui/Reading";
import { ACTIONS, Table } from "../../ui/Table";
import { moment, shortMoment } from "../../ui/format";

type Key = Schema<"ApiKey">;
type Made = Schema<"MadeKey">;
type Shown = { kind: "create" } | { kind: "made"; made: Made } | { kind: "revoke"; key: Key } | null;

export function Keys() {
  const query = useQuery(keysQuery);
  const client = useQueryClient();
  const [shown, setShown] = useState<Shown>(null);
  const close = () => setShown(null);
  const refresh = () => void client.invalidateQueries({ queryKey: ["keys"] });
  const keys = query.data?.keys.toReversed() ?? [];
  return (
    <>
      <div className="bar"><Button kind="primary" className="push" onClick={() => setShown({ kind: "create" })}><Plus aria-hidden /> New key</Button></div>
      <Reading query={query}>{() => !keys.length ? (
        <Empty title="There are no keys" icon={<KeyRound />}>The engine serves this machine alone. With the first key it takes one of everybody.</Empty>
      ) : (
        <Table label="Keys" columns={["Key", "Of", "May", "State", { name: "Made", isNumber: true }, ACTIONS]}>
          {keys.map((key) => (
            <tr key={key.id}>
              <td className="cell-name"><strong>{key.name || "Without a name"}</strong><span className="cell-sub"><code>{key.id}</code></span></td>
              <td className="nowrap">{key.tenant_id ?? "All tenants"}</td>
              <td>{key.scopes.join(", ")}</td>
              <td className="nowrap"><KeyState apiKey={key} /></td>
              <td className="number"><time dateTime={key.created_at} title={moment(key.created_at)}>{shortMoment(key.created_at)}</time></td>
              <td className="number">
                {!key.revoked_at && <IconButton label={`Revoke ${key.name || key.id}`} onClick={() => setShown({ kind: "revoke", key })}><Ban aria-hidden /></IconButton>}
              </td>
            </tr>
          ))}
        </Table>
      )}</Reading>
      {shown?.kind === "create" && <KeyForm onMade={(made) => setShown({ kind: "made", made })} onClose={close} />}
      {shown?.kind === "made" && <NewKey made={shown.made} onClose={() => { close(); refresh(); }} />}
      {shown?.kind === "revoke" && (
        <Confirm title="Revoke this key?" action="Revoke" work={() => send(`/v1/keys/${encodeURIComponent(shown.key.id)}`, { method: "DELETE" })} onDone={() => { close(); refresh(); }} onClose={close}>
          Whatever uses “{shown.key.name || shown.key.id}” is refused within 5 seconds. It cannot be taken back.
        </Confirm>
      )}
    </>
  );
}

function KeyState({ apiKey: { revoked_at: revoked, expires_at: expires } }: { apiKey: Key }) {
  if (revoked) return <><span className="badge">Revoked</span><span className="cell-sub">{shortMoment(revoked)}</span></>;
  if (expires && Date.parse(expires) <= Date.now()) return <><span className="badge">Expired</span><span className="cell-sub">{shortMoment(expires)}</span></>;
  return <><span className="badge badge-good">Works</span><span className="cell-sub">{expires ? `until ${shortMoment(expires)}` : "without an end"}</span></>;
}

const SCOPES: ReadonlyArray<readonly [Scope, string]> = [
  ["ask", "Ask: questions, runs and approvals"],
  ["costs", "Costs: what was spent, and budgets"],
  ["admin", "Administer: both, and change agents, documents and keys"],
];

const LIFETIMES = { "30": "30 days", "90": "90 days", "365": "a year", "": "without an end" } as const;

function KeyForm({ onMade, onClose }: { onMade: (made: Made) => void; onClose: () => void }) {
  const { tenant } = useTenant();
  const { isForAllTenants } = usePermissions();
  const { data: session } = useQuery(sessionQuery);
  const [name, setName] = useState("");
  const [owner, setOwner] = useState(tenant);
  const [isForAll, setForAll] = useState(false);
  const [scopes, setScopes] = useState<readonly Scope[]>(["ask"]);
  const [days, setDays] = useState("90");
  const save = () => {
    const expires_at = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
    const body = { name, scopes, expires_at, ...(isForAll ? { all_tenants: true } : { tenant_id: owner }) };
    return json<Made>("/v1/keys", { method: "POST", body });
  };
  return (
    <FormDialog title="New key" description={session?.is_open ? "It is the first one: from then on everybody needs a key, you included. Make one for all tenants that may administer." : "Its text is shown once, and never again."} action="Make the key" save={save} onSaved={onMade} onClose={onClose}>
      <Field label="What it is for"><input required maxLength={200} value={name} onChange={({ target }) => setName(target.value)} /></Field>
      <Field label="Tenant">
        <input required={!isForAll} disabled={isForAll} readOnly={!isForAllTenants} value={isForAll ? "All tenants" : owner} onChange={({ target }) => setOwner(target.value)} />
      </Field>
      {isForAllTenants && <label className="check"><input type="checkbox" checked={isForAll} onChange={({ target }) => setForAll(target.checked)} /> For all tenants</label>}
      <fieldset className="several several-lines">
        <legend className="field-label">It may</legend>
        {SCOPES.map(([scope, text]) => (
          <label key={scope} className="check">
            <input type="checkbox" checked={scopes.includes(scope)} onChange={({ target }) => setScopes(target.checked ? [...scopes, scope] : scopes.filter((each) => each !== scope))} /> {text}
          </label>
        ))}
      </fieldset>
      <Field label="It works">
        <select value={days} onChange={({ target }) => setDays(target.value)}>
          {Object.entries(LIFETIMES).map(([value, text]) => <option key={value} value={value}>{value ? `for ${text}` : text}</option>)}
        </select>
      </Field>
    </FormDialog>
  );
}

function NewKey({ made, onClose }: { made: Made; onClose: () => void }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => void copyText(made.token).then(() => setCopied(true));
  return (
    <Dialog.Root open onOpenChange={({ open }) => !open && onClose()} closeOnInteractOutside={false}>
      <Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Positioner className="positioner">
          <Dialog.Content className="dialog">
            <Dialog.Title>The key for {made.key.name}</Dialog.Title>
            <Dialog.Description>Copy it now: it is not stored, and cannot be shown again.</Dialog.Description>
            <code className="secret">{made.token}</code>
            <div className="row">
              <Button kind="primary" onClick={copy}>{isCopied ? <Check aria-hidden /> : <Copy aria-hidden />} {isCopied ? "Copied" : "Copy"}</Button>
              <Dialog.CloseTrigger className="button button-plain">I have it</Dialog.CloseTrigger>
            </div>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
