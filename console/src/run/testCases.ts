/** Questions with known answers, collected in this browser until they are downloaded for `vital eval`. */

import { useMemo } from "react";

import { useRemembered } from "../ui/storage";

/** An entry of the file that `vital eval` reads. */
export interface TestCase {
  question: string;
  /** What a right answer contains: each in one of its spellings. */
  facts?: readonly (readonly string[])[];
  sources?: readonly string[];
  answerable?: false;
}

export function useTestCases() {
  const [text, setText] = useRemembered("test-cases", "[]");
  const cases = useMemo(() => read(text), [text]);
  const add = (added: TestCase) => setText(JSON.stringify([...cases.filter(({ question }) => question !== added.question), added]));
  const clear = () => setText("[]");
  return { cases, add, clear };
}

function read(text: string): readonly TestCase[] {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? (read as TestCase[]) : [];
  } catch {
    return []; // written by something else
  }
}

/** Facts as lines, the spellings of each between bars. */
export const toFacts = (text: string): string[][] =>
  text
    .split("\n")
    .map((line) => line.split("|").map((each) => each.trim()).filter(Boolean))
    .filter((spellings) => spellings.length > 0);

export function download(cases: readonly TestCase[]): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(cases, null, 2), "\n"], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "questions.json";
  link.click();
  URL.revokeObjectURL(address);
}
