/** What a run waits for: each tool call to approve, edit or deny, and each value to give. */

import { type FormEvent, useState } from "react";
import { Check, Pencil, X } from "lucide-react";

import type { Schema } from "../api/client";
import { Button } from "../ui/parts";
import { dollars, sentence } from "../ui/format";
import { type JsonSchema, parsed, partsOf, requiredField, SchemaFields, textOf, valuesOf } from "../ui/SchemaFields";
import { useDecisionDraft } from "./decisionDrafts";
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

/** The texts of the fields of one value. */
type Answer = Readonly<Record<string, string>>;

interface DecisionFormProps {
  /** The pause that is decided on; see `pauseOf`. */
  pause: string;
  calls: readonly Call[];
  inputs: readonly Wanted[];
  isSending: boolean;
  onDecide: (decision: Decision) => void;
}

export function DecisionForm({ pause, calls, inputs, isSending, onDecide }: DecisionFormProps) {
  const [drafts, setDrafts] = useDecisionDraft<Record<string, CallDraft>>(`calls ${pause}`, () => Object.fromEntries(calls.map((call) => [call.id, draftOf(call)])));
  const [answers, setAnswers] = useDecisionDraft<Record<string, Answer>>(`inputs ${pause}`, () => ({}));
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
          <AnswerFields
            wanted={wanted}
            answer={answers[wanted.name] ?? {}}
            onChange={(part) => setAnswers((all) => ({ ...all, [wanted.name]: { ...all[wanted.name], ...part } }))}
          />
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

/** The fields of a value: one for each property of an object, else one for all of it. */
function AnswerFields({ wanted, answer, onChange }: { wanted: Wanted; answer: Answer; onChange: (part: Answer) => void }) {
  const schema = wanted.answer_schema as JsonSchema;
  const parts = partsOf(schema);
  const fields = (
    <SchemaFields
      fields={parts.length ? parts : [requiredField(wanted.name, schema)]}
      drafts={answer}
      onChange={(name, text) => onChange({ [name]: text })}
    />
  );
  if (!parts.length) return fields;
  return (
    <fieldset>
      <legend>{sentence(wanted.name)}</legend>
      {fields}
    </fieldset>
  );
}

function answerOf({ name, answer_schema }: Wanted, answer: Answer): unknown {
  const schema = answer_schema as JsonSchema;
  const parts = partsOf(schema);
  return parts.length ? valuesOf(parts, answer) : valuesOf([requiredField(name, schema)], answer)[name];
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
          <input dir="auto" value={draft.reason} maxLength={500} onChange={({ target }) => onChange({ reason: target.value })} />
        </label>
      ) : (
        <div className="arguments">
          {Object.entries(draft.values).map(([name, value]) => (
            <label key={name} className="field">
              <span className="field-label">{sentence(name)}</span>
              <textarea
                dir="auto"
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

function decisionOf(
  calls: readonly Call[],
  drafts: Record<string, CallDraft>,
  inputs: readonly Wanted[],
  answers: Readonly<Record<string, Answer>>,
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
  return { approved, edited, denied, answers: Object.fromEntries(inputs.map((wanted) => [wanted.name, answerOf(wanted, answers[wanted.name] ?? {})])) };
}

/** Arguments keep their kind: text stays text, and all else is read as JSON. */
const edit = (call: Call, values: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof call.arguments[name] === "string" ? value : parsed(name, value)]),
  );
