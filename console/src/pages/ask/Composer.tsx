/** The box to ask in, with what answers: remembered from one time to the next. */

import { type FormEvent, type KeyboardEvent, useEffect, useRef } from "react";
import { useQuery } from "@tanstack/react-query";
import { ArrowUp } from "lucide-react";

import { agentsQuery, workflowsQuery } from "../../api/queries";
import { useRemembered } from "../../ui/storage";

export interface Settings {
  agent: string;
  model: string;
  mode: string;
  isChat: boolean;
  path: string;
  agents: ReadonlyArray<{ id: string; name: string }>;
  models: readonly string[];
  modes: readonly string[];
  setAgent: (id: string) => void;
  setModel: (name: string) => void;
  setMode: (mode: string) => void;
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
  const agents = listed?.agents.map(({ profile }) => profile) ?? [];
  const known = agents.some(({ id }) => id === agent) ? agent : (agents[0]?.id ?? "generalist");
  const workflow = served?.workflows.find(({ is_default }) => is_default);
  const modes = ["4", "3", "2", "1"].filter((each) => !workflow || (workflow.modes as string[]).includes(each));
  const used = modes.includes(mode) ? mode : (modes[0] ?? "4");
  const models = [...new Set(["extractive", ...agents.flatMap((each) => [each.model ?? "extractive", ...(each.fallbacks ?? [])])])];
  return {
    agent: known, model: models.includes(model) ? model : "", mode: used, isChat: used === "3" || used === "4", path: "/v1/runs",
    agents, models, modes, setAgent, setModel, setMode,
  };
}

interface ComposerProps {
  settings: Settings;
  draft: string;
  isBusy: boolean;
  onDraft: (text: string) => void;
  onAsk: (question: string) => void;
}

export function Composer({ settings, draft, isBusy, onDraft, onAsk }: ComposerProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 240)}px`;
  }, [draft]);
  useEffect(() => {
    if (draft) box.current?.focus();
  }, [draft]);
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (draft.trim() && !isBusy) onAsk(draft.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    }
  };
  return (
    <form className="composer" onSubmit={send} aria-label="Ask">
      <textarea
        ref={box}
        rows={1}
        autoFocus
        maxLength={10_000}
        value={draft}
        aria-label="Question"
        placeholder="Ask the documents …"
        onChange={({ target }) => onDraft(target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="composer-row">
        <Picker label="Agent" value={settings.agent} onPick={settings.setAgent} options={settings.agents.map(({ id, name }) => [id, name])} />
        <Picker
          label="Model"
          value={settings.model}
          onPick={settings.setModel}
          options={[["", "Agent's model"], ...settings.models.map((name) => [name, name] as const)]}
        />
        <Picker label="Mode" value={settings.mode} onPick={settings.setMode} options={settings.modes.map((mode) => [mode, MODE_NAMES[mode] ?? mode])} />
        <button type="submit" className="send" aria-label="Send" disabled={isBusy || !draft.trim()}>
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
