/** The fields of a list's filters: each tells its page as soon as it is left. */

import { useEffect, useState } from "react";

import { Field } from "./parts";

interface ChoiceProps {
  label: string;
  value: string | undefined;
  options: ReadonlyArray<readonly [string, string]>;
  onPick: (value: string) => void;
}

export function Choice({ label, value = "", options, onPick }: ChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={({ target }) => onPick(target.value)}>
      {options.map(([id, name]) => (
        <option key={id} value={id}>{name}</option>
      ))}
    </select>
  );
}

export function Entry({ label, value = "", type = "text", onSet }: { label: string; value?: string | undefined; type?: string; onSet: (value: string) => void }) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const set = () => draft !== value && onSet(draft.trim());
  return (
    <Field label={label}>
      <input type={type} min={0} step="any" value={draft} onChange={({ target }) => setDraft(target.value)} onBlur={set} onKeyDown={({ key }) => key === "Enter" && set()} />
    </Field>
  );
}
