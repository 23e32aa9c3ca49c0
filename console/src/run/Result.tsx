/** The typed result of a workflow: its fields by name, and rows as a table. */

import { sentence } from "../ui/format";

const MAX_DEPTH = 6;

export function Result({ value }: { value: unknown }) {
  return (
    <section className="result" aria-label="Result">
      <Value value={value} />
    </section>
  );
}

export function Value({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (value === null || value === undefined) return <span className="quiet">–</span>;
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "object") return <span className="result-text" dir="auto">{String(value)}</span>;
  if (depth >= MAX_DEPTH) return <code>{JSON.stringify(value)}</code>;
  if (Array.isArray(value)) return <Items items={value} depth={depth} />;
  const fields = Object.entries(value);
  if (!fields.length) return <span className="quiet">Empty</span>;
  const label = labels(Object.keys(value));
  return (
    <dl className="result-fields">
      {fields.map(([name, each]) => (
        <div key={name}>
          <dt dir="auto">{label(name)}</dt>
          <dd><Value value={each} depth={depth + 1} /></dd>
        </div>
      ))}
    </dl>
  );
}

function Items({ items, depth }: { items: readonly unknown[]; depth: number }) {
  if (!items.length) return <span className="quiet">None</span>;
  if (items.every(isRecord)) return <Rows rows={items} depth={depth} />;
  return (
    <ul>
      {items.map((each, index) => <li key={index}><Value value={each} depth={depth + 1} /></li>)}
    </ul>
  );
}

function Rows({ rows, depth }: { rows: readonly Record<string, unknown>[]; depth: number }) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const label = labels(names);
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Rows of the result">
      <table className="table">
        <thead><tr>{names.map((name) => <th key={name} dir="auto">{label(name)}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>{names.map((name) => <td key={name}><Value value={row[name]} depth={depth + 1} /></td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const FIELD = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/** How the names of an object are shown: those of fields as words, and those that are data, such as terms, as they are. */
const labels = (names: readonly string[]): ((name: string) => string) => (names.every((name) => FIELD.test(name)) ? sentence : (name) => name);

/** Whether an answer is nothing but its result, written as JSON. */
export function isResultAlone(text: string, result: unknown): boolean {
  if (result == null) return false;
  try {
    return typeof JSON.parse(text) === typeof result;
  } catch {
    return false;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
