/** An agent to make or to change. */

import { useState } from "react";
import { useQuery } from "@tanstack/react-query";

import { type Schema, send } from "../../api/client";
import { toolsQuery } from "../../api/queries";
import { useTenant } from "../../shell/identity";
import { usePermissions } from "../../shell/permissions";
import { FormDialog } from "../../ui/FormDialog";
import { Field } from "../../ui/parts";
import { words } from "../../ui/format";

type Stored = Schema<"StoredAgent">;
type Profile = Stored["profile"];

const ID = "[a-z0-9][a-z0-9_\\-]{0,63}";
const NEW: Profile = { id: "", name: "", description: "", system_prompt: "", model: "extractive", fallbacks: [], hedge_after_seconds: null, similar_questions: false, tools: null, sources: null };

interface AgentFormProps {
  /** Null: a new one. */
  agent: Stored | null;
  onSaved: () => void;
  onClose: () => void;
}

export function AgentForm({ agent, onSaved, onClose }: AgentFormProps) {
  const { tenant } = useTenant();
  const { isForAllTenants } = usePermissions();
  const [profile, setProfile] = useState<Profile>({ ...NEW, ...agent?.profile });
  const [fallbacks, setFallbacks] = useState(agent?.profile.fallbacks?.join(", ") ?? "");
  const [isShared, setShared] = useState(isForAllTenants && agent?.tenant_id === null);
  const { data: known } = useQuery(toolsQuery);
  const set = (part: Partial<Profile>) => setProfile((before) => ({ ...before, ...part }));
  const owner = agent && isForAllTenants ? (agent.tenant_id ?? undefined) : isShared ? undefined : tenant;
  const isCopy = agent?.tenant_id === null && !isForAllTenants;
  const save = () => send(`/v1/agents/${encodeURIComponent(profile.id)}`, { method: "PUT", body: { ...profile, fallbacks: listed(fallbacks) }, tenant: owner });
  return (
    <FormDialog
      title={agent ? `Edit ${agent.profile.name}` : "New agent"}
      description={isCopy ? `It is shared by all tenants: your changes are kept as ${tenant}’s own agent, in its place.` : `It answers for ${owner ?? "all tenants"}.`}
      action="Save"
      isWide
      save={save}
      onSaved={onSaved}
      onClose={onClose}
    >
      <div className="columns">
        <Field label="Name"><input required maxLength={200} value={profile.name} onChange={({ target }) => set({ name: target.value })} /></Field>
        <Field label="Id" hint={agent ? "It stays." : "Lower-case letters, digits, - and _"}>
          <input required pattern={ID} readOnly={agent !== null} value={profile.id} onChange={({ target }) => set({ id: target.value })} />
        </Field>
      </div>
      <Field label="Description"><input maxLength={2_000} value={profile.description ?? ""} onChange={({ target }) => set({ description: target.value })} /></Field>
      <Field label="Instructions" hint="What it is, what it answers from, and how.">
        <textarea required rows={6} maxLength={20_000} value={profile.system_prompt} onChange={({ target }) => set({ system_prompt: target.value })} />
      </Field>
      <div className="columns">
        <Field label="Model" hint="extractive, or provider:model"><input required maxLength={200} value={profile.model ?? ""} onChange={({ target }) => set({ model: target.value })} /></Field>
        <Field label="Other models" hint="They answer where it does not; with commas between."><input value={fallbacks} onChange={({ target }) => setFallbacks(target.value)} /></Field>
      </div>
      <Several label="Tools" all={known?.tools.map(({ name }) => name) ?? []} chosen={profile.tools ?? null} onChoose={(tools) => set({ tools })} />
      <Several label="Sources" all={known?.sources ?? []} chosen={profile.sources ?? null} onChoose={(sources) => set({ sources })} />
      {!agent && isForAllTenants && (
        <label className="check"><input type="checkbox" checked={isShared} onChange={({ target }) => setShared(target.checked)} /> For all tenants</label>
      )}
    </FormDialog>
  );
}

const listed = (text: string): string[] => text.split(",").map((each) => each.trim()).filter(Boolean);

interface SeveralProps {
  label: string;
  all: readonly string[];
  /** Null: all of them, those that come later too. */
  chosen: readonly string[] | null;
  onChoose: (names: string[] | null) => void;
}

function Several({ label, all, chosen, onChoose }: SeveralProps) {
  const names = [...new Set([...all, ...(chosen ?? [])])];
  const toggle = (name: string, isOn: boolean) => onChoose(names.filter((each) => (each === name ? isOn : chosen?.includes(each))));
  return (
    <fieldset className="several">
      <legend className="field-label">{label}</legend>
      <label className="check"><input type="checkbox" checked={chosen === null} onChange={({ target }) => onChoose(target.checked ? null : [...all])} /> All</label>
      {chosen !== null && names.map((name) => (
        <label key={name} className="check"><input type="checkbox" checked={chosen.includes(name)} onChange={({ target }) => toggle(name, target.checked)} /> {words(name)}</label>
      ))}
    </fieldset>
  );
}
