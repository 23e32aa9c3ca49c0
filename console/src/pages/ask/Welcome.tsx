import { Mark } from "../../shell/Mark";

const EXAMPLES = [
  "Which devices need a 510(k)?",
  "When is a De Novo request possible?",
  "What is 12.5 % of 3,400?",
];

export function Welcome({ onPick }: { onPick: (question: string) => void }) {
  return (
    <div className="welcome">
      <Mark />
      <h2>What would you like to know?</h2>
      <p className="quiet">Answers come from your documents, with the passages that back them.</p>
      <ul>
        {EXAMPLES.map((question) => (
          <li key={question}>
            <button type="button" className="example" onClick={() => onPick(question)}>{question}</button>
          </li>
        ))}
      </ul>
    </div>
  );
}
