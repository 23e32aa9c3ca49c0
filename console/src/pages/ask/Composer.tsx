/** The box to ask in, with what answers: remembered from one time to the next. */

import { type FormEvent, type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { ArrowUp } from "lucide-react";

import { agentsQuery, workflowsQuery } from "../../api/queries";
import { type Asked, isOwnField } from "../../run/live";
import { fieldsOf, type JsonSchema, type SchemaField, SchemaFields, valuesOf } from "../../ui/SchemaFields";
import { useRemembered } from "../../ui/storage";
import { AttachDocuments } from "./AttachDocuments";

export interface Settings {
  agent: string;
  model: string;
  mode: string;
  workflow: string;
  isChat: boolean;
  agents: ReadonlyArray<{ id: string; name: string }>;
  models: readonly string[];
  modes: readonly string[];
  workflows: readonly string[];
  /** What the workflow is given beside the question. */
  fields: readonly SchemaField[];
  /** The question that stands where none is asked; null: one has to be asked. */
  usualQuestion: string | null;
  description: string;
  setAgent: (id: string) => void;
  setModel: (name: string) => void;
  setMode: (mode: string) => void;
  setWorkflow: (name: string) => void;
}

const MODE_NAMES: Record<string, string> = {
  "4": "Chat",
  "3": "Chat · I approve tools",
  "2": "Single question",
  "1": "Single question · I approve tools",
};

export function useSettings(tenant: string): Settings {
  const { data: listed } = useQuery(agentsQuery(tenant));
  const { data: served } = useQuery(workflowsQuery);
  const [agent, setAgent] = useRemembered("agent", "generalist");
  const [model, setModel] = useRemembered("model", "");
  const [mode, setMode] = useRemembered("mode", "4");
  const [workflow, setWorkflow] = useRemembered("workflow", "");
  const agents = listed?.agents.map(({ profile }) => profile) ?? [];
  const known = agents.some(({ id }) => id === agent) ? agent : (agents[0]?.id ?? "generalist");
  const usual = served?.workflows.find(({ is_default }) => is_default);
  const chosen = served?.workflows.find(({ name }) => name === workflow) ?? usual;
  const modes = ["4", "3", "2", "1"].filter((each) => !chosen || (chosen.modes as string[]).includes(each));
  const used = modes.includes(mode) ? mode : (modes[0] ?? "4");
  const models = [...new Set(["extractive", ...agents.flatMap((each) => [each.model ?? "extractive", ...(each.fallbacks ?? [])])])];
  const schema = chosen?.input_schema as JsonSchema | undefined;
  const fields = useMemo(() => fieldsOf(schema ?? {}, isOwnField), [schema]);
  return {
    agent: known, model: models.includes(model) ? model : "", mode: used, workflow: chosen?.name ?? "", isChat: used === "3" || used === "4",
    agents, models, modes, workflows: served?.workflows.map(({ name }) => name) ?? [], fields,
    usualQuestion: schema?.properties?.query?.default == null ? null : String(schema.properties.query.default),
    description: chosen && chosen !== usual ? chosen.description : "",
    setAgent, setModel, setMode, setWorkflow,
  };
}

interface ComposerProps {
  settings: Settings;
  draft: string;
  values: Readonly<Record<string, string>>;
  isBusy: boolean;
  onDraft: (text: string) => void;
  onValue: (name: string, text: string) => void;
  onAsk: (asked: Asked) => void;
}

export function Composer({ settings, draft, values, isBusy, onDraft, onValue, onAsk }: ComposerProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 240)}px`;
  }, [draft]);
  useEffect(() => {
    if (draft) box.current?.focus();
  }, [draft]);
  const query = draft.trim() || (settings.usualQuestion ?? "");
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (!query || isBusy) return;
    try {
      onAsk({ query, workflow: settings.workflow || null, values: valuesOf(settings.fields, values) });
      setFault("");
    } catch (error) {
      setFault(error instanceof Error ? error.message : "This cannot be sent.");
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      form.current?.requestSubmit(); // so that the browser looks at the required fields first
    }
  };
  return (
    <form ref={form} className="composer" onSubmit={send} aria-label="Ask">
      {settings.fields.length > 0 && (
        <fieldset className="composer-fields">
          <legend className="sr-only">Input of {settings.workflow}</legend>
          {settings.description && <p className="quiet">{settings.description}</p>}
          <SchemaFields fields={settings.fields} drafts={values} onChange={onValue} />
        </fieldset>
      )}
      <textarea
        ref={box}
        rows={1}
        autoFocus
        dir="auto"
        maxLength={10_000}
        value={draft}
        aria-label="Question"
        placeholder={settings.usualQuestion ?? "Ask the documents …"}
        onChange={({ target }) => onDraft(target.value)}
        onKeyDown={onKeyDown}
      />
      {fault && <p className="fault" role="alert">{fault}</p>}
      <div className="composer-row">
        <AttachDocuments />
        {settings.workflows.length > 1 && (
          <Picker label="Workflow" value={settings.workflow} onPick={settings.setWorkflow} options={settings.workflows.map((name) => [name, name])} />
        )}
        <Picker label="Agent" value={settings.agent} onPick={settings.setAgent} options={settings.agents.map(({ id, name }) => [id, name])} />
        <Picker
          label="Model"
          value={settings.model}
          onPick={settings.setModel}
          options={[["", "Agent's model"], ...settings.models.map((name) => [name, name] as const)]}
        />
        <Picker label="Mode" value={settings.mode} onPick={settings.setMode} options={settings.modes.map((mode) => [mode, MODE_NAMES[mode] ?? mode])} />
        <button type="submit" className="send" aria-label="Send" disabled={isBusy || !query}>
          <ArrowUp aria-hidden />
        </button>
      </div>
    </form>
  );
}

interface PickerProps {
  label: string;
  value: string;
  options: ReadonlyArray<readonly [string, string]>;
  onPick: (value: string) => void;
}

function Picker({ label, value, options, onPick }: PickerProps) {
  return (
    <select className="picker" aria-label={label} title={label} value={value} onChange={({ target }) => onPick(target.value)}>
      {options.map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
