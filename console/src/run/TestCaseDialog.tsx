/** A run becomes a question whose right answer is known. */

import { useState } from "react";

import { Field } from "../ui/parts";
import { FormDialog } from "../ui/FormDialog";
import type { Citation } from "./state";
import { type TestCase, toFacts } from "./testCases";

interface TestCaseDialogProps {
  question: string;
  citations: readonly Citation[];
  onAdd: (added: TestCase) => void;
  onClose: () => void;
}

export function TestCaseDialog({ question, citations, onAdd, onClose }: TestCaseDialogProps) {
  const [facts, setFacts] = useState("");
  const [isAnswerable, setAnswerable] = useState(true);
  const cited = [...new Set(citations.map(({ uri }) => uri).filter(Boolean))];
  const [sources, setSources] = useState<readonly string[]>(cited);
  const save = async () => {
    const spellings = toFacts(facts);
    if (!isAnswerable) return { question, answerable: false } as const;
    if (!spellings.length && !sources.length) throw new Error("Give a fact or a source: otherwise no answer could be called right.");
    return { question, ...(spellings.length ? { facts: spellings } : {}), ...(sources.length ? { sources } : {}) };
  };
  return (
    <FormDialog
      title="Make it a test case"
      description="Questions with known answers are what vital eval measures and tunes by. They are kept in this browser until you download them from the list of runs."
      action="Add"
      save={save}
      onSaved={(added) => { onAdd(added); onClose(); }}
      onClose={onClose}
    >
      <p className="test-case-question">{question}</p>
      <label className="check">
        <input type="checkbox" checked={!isAnswerable} onChange={({ target }) => setAnswerable(!target.checked)} /> The documents hold no answer
      </label>
      {isAnswerable && (
        <>
          <Field label="Facts of a right answer" hint="One on each line; other spellings of it after a bar, as in: four weeks | 28 days">
            <textarea rows={3} value={facts} onChange={({ target }) => setFacts(target.value)} />
          </Field>
          {cited.length > 0 && (
            <fieldset className="checks">
              <legend className="field-label">Sources that hold it</legend>
              {cited.map((uri) => (
                <label key={uri} className="check">
                  <input
                    type="checkbox"
                    checked={sources.includes(uri)}
                    onChange={({ target }) => setSources((all) => (target.checked ? [...all, uri] : all.filter((each) => each !== uri)))}
                  />
                  {uri}
                </label>
              ))}
            </fieldset>
          )}
        </>
      )}
    </FormDialog>
  );
}
