/** The agents: instructions, a model, and the tools and documents that they may use. */

import { useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Bot, Pencil, Plus, Trash2 } from "lucide-react";

import { type Schema, send } from "../../api/client";
import { agentsQuery } from "../../api/queries";
import { useTenant } from "../../shell/identity";
import { usePermissions } from "../../shell/permissions";
import { Confirm } from "../../ui/Confirm";
import { Button, Empty, IconButton } from "../../ui/parts";
import { Reading } from "../../ui/Reading";
import { ACTIONS, Table } from "../../ui/Table";
import { AgentForm } from "./AgentForm";

type Stored = Schema<"StoredAgent">;
type Shown = { kind: "edit" | "delete"; agent: Stored } | { kind: "create" } | null;

export function Agents() {
  const { isForAllTenants } = usePermissions();
  const { tenant } = useTenant();
  const query = useQuery(agentsQuery(isForAllTenants ? undefined : tenant));
  const client = useQueryClient();
  const [shown, setShown] = useState<Shown>(null);
  const close = () => setShown(null);
  const changed = () => { void client.invalidateQueries({ queryKey: ["agents"] }); close(); };
  const agents = query.data?.agents ?? [];
  return (
    <>
      <div className="bar"><Button kind="primary" className="push" onClick={() => setShown({ kind: "create" })}><Plus aria-hidden /> New agent</Button></div>
      <Reading query={query}>{() => !agents.length ? (
        <Empty title="There are no agents" icon={<Bot />}>Make one to ask it questions.</Empty>
      ) : (
        <Table label="Agents" columns={["Agent", "Of", "Model", "Tools", ACTIONS]}>
          {agents.map((agent) => (
            <tr key={`${agent.tenant_id} ${agent.profile.id}`}>
              <td className="cell-name"><strong>{agent.profile.name}</strong><span className="cell-sub">{agent.profile.id}{agent.profile.description && ` · ${agent.profile.description}`}</span></td>
              <td className="nowrap">{agent.tenant_id ?? "All tenants"}</td>
              <td className="cell-model">{agent.profile.model}</td>
              <td>{agent.profile.tools?.join(", ") || (agent.profile.tools ? "None" : "All")}</td>
              <td className="number nowrap">
                <IconButton label={`Edit ${agent.profile.name}`} onClick={() => setShown({ kind: "edit", agent })}><Pencil aria-hidden /></IconButton>
                {(isForAllTenants || agent.tenant_id !== null) && (
                  <IconButton label={`Delete ${agent.profile.name}`} onClick={() => setShown({ kind: "delete", agent })}><Trash2 aria-hidden /></IconButton>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}</Reading>
      {shown?.kind === "create" && <AgentForm agent={null} onSaved={changed} onClose={close} />}
      {shown?.kind === "edit" && <AgentForm agent={shown.agent} onSaved={changed} onClose={close} />}
      {shown?.kind === "delete" && (
        <Confirm
          title="Delete this agent?"
          action="Delete"
          work={() => send(`/v1/agents/${encodeURIComponent(shown.agent.profile.id)}`, { method: "DELETE", tenant: shown.agent.tenant_id ?? undefined })}
          onDone={changed}
          onClose={close}
        >
          “{shown.agent.profile.name}” will answer no more questions{shown.agent.tenant_id === null ? ", of no tenant" : ""}. What it has answered stays.
        </Confirm>
      )}
    </>
  );
}
