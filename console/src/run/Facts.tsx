/** What an answer took, cost and is worth, each with its meaning. */

import { AlertTriangle } from "lucide-react";

import { cacheReason, count, dollars, percent, reason, seconds } from "../ui/format";
import type { Output, RunState } from "./state";

export function FactLine({ run }: { run: RunState }) {
  const { output } = run;
  if (!output) return null;
  const first = output.timings.time_to_first_token_seconds;
  const facts: Array<[string, string]> = [["Time", seconds(output.timings.total_seconds)]];
  if (first != null) facts.push(["First word", seconds(first)]);
  facts.push(["Cost", costOf(output)]);
  if (output.tokens.total) facts.push(["Tokens", count(output.tokens.total)]);
  if (output.model) facts.push(["Model", output.model]);
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {output.cache_status === "hit" && <span className="badge badge-good" title={cacheReason(output.cache_reason)}>From the cache</span>}
    </dl>
  );
}

/** The cost of a run in words: no zero where the price of a model is not known. */
export function costOf({ cost, warnings }: Output): string {
  if (!warnings.some(({ type }) => type === UNKNOWN_PRICE)) return dollars(cost.total);
  return Number(cost.total) > 0 ? `${dollars(cost.total)} at least` : "Not known";
}

const UNKNOWN_PRICE = "unknown_price";

/** What the cache had to do with an answer, and why. */
export function CacheDecision({ output }: { output: Output }) {
  const why = cacheReason(output.cache_reason);
  if (!why) return null;
  return (
    <section>
      <h3>Cache</h3>
      <p>
        <span className={output.cache_status === "hit" ? "badge badge-good" : "badge"}>{CACHE_STATUS[output.cache_status ?? "bypass"]}</span> {why}
      </p>
    </section>
  );
}

const CACHE_STATUS = { hit: "From the cache", miss: "Not in the cache", bypass: "Not asked" } as const;

/** The two sides of quality: backed by sources, and an answer to the question. */
export function Quality({ output }: { output: Output }) {
  const meters: Array<[string, number, string]> = [];
  if (output.groundedness != null)
    meters.push(["Backed by sources", output.groundedness, "Share of the sentences that their citations back"]);
  if (output.answer_probability != null)
    meters.push(["Answers the question", output.answer_probability, "How likely it is that this answers the question rightly"]);
  if (output.is_assessed) meters.push(["Quality", output.quality_score, "1 less a weight for each thing that was amiss"]);
  if (!meters.length) return null;
  return (
    <div className="meters">
      {meters.map(([name, value, meaning]) => (
        <div key={name} className="meter" title={meaning}>
          <span className="meter-name">{name}</span>
          <span className="meter-value">{percent(value)}</span>
          <meter min={0} max={1} low={0.5} high={0.8} optimum={1} value={value} aria-label={`${name}: ${percent(value)}`} />
        </div>
      ))}
    </div>
  );
}

/** The kinds of remarks that stand behind all others. */
const DETAILS: ReadonlyArray<string | undefined> = ["citation_removed", "unsupported", UNKNOWN_PRICE];

/** A longer remark takes more than its line, and is shown on demand. */
const SHORT_REMARK = 90;

/** What was amiss: one line, which opens where there is more to say. What is amiss with the whole comes first. */
export function Remarks({ run }: { run: RunState }) {
  const reasons = run.output?.degradation_reasons ?? [];
  const warnings = run.warnings.toSorted((one, other) => DETAILS.indexOf(one.type) - DETAILS.indexOf(other.type));
  const lines = [...new Set(warnings.length ? warnings.map(({ message }) => message) : reasons.map(reason))];
  const [first, ...others] = lines;
  if (first === undefined) return null;
  const isShort = !others.length && first.length <= SHORT_REMARK;
  return (
    <div className="remarks" role="note" aria-label="Remarks">
      <AlertTriangle aria-hidden />
      {isShort ? (
        <p>{first}</p>
      ) : (
        <details>
          <summary>
            <span className="remarks-first">{first}</span>
            {others.length > 0 && <span className="remarks-more">and {others.length} more</span>}
          </summary>
          <ul>{others.map((line) => <li key={line}>{line}</li>)}</ul>
        </details>
      )}
    </div>
  );
}
