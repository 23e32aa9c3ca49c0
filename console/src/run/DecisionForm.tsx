/** What a run waits for: each tool call to approve, edit or deny, and each value to give. */

import { type FormEvent, useState } from "react";
import { Check, Pencil, X } from "lucide-react";

import type { Schema } from "../api/client";
import { Button } from "../ui/parts";
import { dollars, sentence } from "../ui/format";
import { type JsonSchema, parsed, requiredField, SchemaFields, textOf, valuesOf } from "../ui/SchemaFields";
import type { Decision } from "./live";
import { Value } from "./Result";

type Call = Schema<"ToolCall">;
type Wanted = Schema<"RequiredInput">;
type Choice = "approve" | "edit" | "deny";

interface CallDraft {
  choice: Choice;
  values: Record<string, string>;
  reason: string;
}

interface DecisionFormProps {
  calls: readonly Call[];
  inputs: readonly Wanted[];
  isSending: boolean;
  onDecide: (decision: Decision) => void;
}

export function DecisionForm({ calls, inputs, isSending, onDecide }: DecisionFormProps) {
  const [drafts, setDrafts] = useState<Record<string, CallDraft>>(() => Object.fromEntries(calls.map((call) => [call.id, draftOf(call)])));
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const [fault, setFault] = useState("");
  const change = (id: string, part: Partial<CallDraft>) => setDrafts((all) => ({ ...all, [id]: { ...all[id]!, ...part } }));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    try {
      onDecide(decisionOf(calls, drafts, inputs, answers));
      setFault("");
    } catch (error) {
      setFault(error instanceof Error ? error.message : "This cannot be sent.");
    }
  };
  const approved = calls.filter((call) => drafts[call.id]?.choice !== "deny");
  const total = approved.reduce((sum, call) => sum + Number(call.cost_dollars), 0);
  return (
    <form className="decision" onSubmit={submit} aria-label="Your decision">
      <p className="decision-head">
        {calls.length > 0 ? "May these tools run?" : "This run waits for your input."}
      </p>
      {calls.map((call) => (
        <CallField key={call.id} call={call} draft={drafts[call.id]!} onChange={(part) => change(call.id, part)} />
      ))}
      {inputs.map((wanted) => (
        <div key={wanted.name} className="wanted">
          {wanted.value != null && <div className="decision-value"><Value value={wanted.value} /></div>}
          <SchemaFields fields={[fieldFor(wanted)]} drafts={answers} onChange={(name, text) => setAnswers((all) => ({ ...all, [name]: text }))} />
        </div>
      ))}
      {fault && <p className="fault" role="alert">{fault}</p>}
      <div className="row">
        <Button kind="primary" type="submit" disabled={isSending}>
          {calls.length === 0 ? "Send" : approved.length === 0 ? "Go on without tools" : `Run ${approved.length === 1 ? "it" : approved.length} · ${dollars(total)}`}
        </Button>
        {calls.length > 1 && (
          <Button
            onClick={() => setDrafts((all) => Object.fromEntries(Object.entries(all).map(([id, draft]) => [id, { ...draft, choice: "deny" as const }])))}
          >
            Deny all
          </Button>
        )}
      </div>
    </form>
  );
}

const CHOICES = [
  ["approve", "Approve", Check],
  ["edit", "Edit", Pencil],
  ["deny", "Deny", X],
] as const;

function CallField({ call, draft, onChange }: { call: Call; draft: CallDraft; onChange: (part: Partial<CallDraft>) => void }) {
  return (
    <fieldset className={`call call-${draft.choice}`}>
      <legend>
        <code>{call.name}</code> <span className="quiet">{dollars(call.cost_dollars)}</span>
      </legend>
      {call.reason && <p className="quiet">{call.reason}</p>}
      <div className="segments" role="radiogroup" aria-label={`Decision on ${call.name}`}>
        {CHOICES.map(([choice, label, Icon]) => (
          <label key={choice} className="segment">
            <input type="radio" name={`choice-${call.id}`} checked={draft.choice === choice} onChange={() => onChange({ choice })} />
            <span>
              <Icon aria-hidden /> {label}
            </span>
          </label>
        ))}
      </div>
      {draft.choice === "deny" ? (
        <label className="field">
          <span className="field-label">Reason (the model reads it)</span>
          <input value={draft.reason} maxLength={500} onChange={({ target }) => onChange({ reason: target.value })} />
        </label>
      ) : (
        <div className="arguments">
          {Object.entries(draft.values).map(([name, value]) => (
            <label key={name} className="field">
              <span className="field-label">{sentence(name)}</span>
              <textarea
                rows={Math.min(6, value.split("\n").length)}
                value={value}
                readOnly={draft.choice !== "edit"}
                onChange={({ target }) => onChange({ values: { ...draft.values, [name]: target.value } })}
              />
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}


const draftOf = (call: Call): CallDraft => ({
  choice: "approve",
  reason: "",
  values: Object.fromEntries(Object.entries(call.arguments).map(([name, value]) => [name, textOf(value)])),
});

const fieldFor = ({ name, answer_schema }: Wanted) => requiredField(name, answer_schema as JsonSchema);

function decisionOf(
  calls: readonly Call[],
  drafts: Record<string, CallDraft>,
  inputs: readonly Wanted[],
  answers: Record<string, string>,
): Decision {
  const approved: string[] = [];
  const edited: Record<string, Record<string, unknown>> = {};
  const denied: Record<string, string> = {};
  for (const call of calls) {
    const draft = drafts[call.id]!;
    if (draft.choice === "approve") approved.push(call.id);
    else if (draft.choice === "edit") edited[call.id] = edit(call, draft.values);
    else if (draft.reason.trim()) denied[call.id] = draft.reason.trim();
  }
  return { approved, edited, denied, answers: valuesOf(inputs.map(fieldFor), answers) };
}

/** Arguments keep their kind: text stays text, and all else is read as JSON. */
const edit = (call: Call, values: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof call.arguments[name] === "string" ? value : parsed(name, value)]),
  );
