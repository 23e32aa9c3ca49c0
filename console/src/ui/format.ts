/** Numbers, times and names in words. */

export function seconds(value: number): string {
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 99.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const [large, small] = whole < 7200 ? [`${Math.floor(whole / 60)} min`, [whole % 60, "s"]] : [`${Math.floor(whole / 3600)} h`, [Math.floor((whole % 3600) / 60), "min"]];
  return small[0] === 0 ? large : `${large} ${small.join(" ")}`;
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Dollars as the engine gives them, without needless digits; small amounts keep three significant ones. */
export function dollars(text: string | number): string {
  const value = Number(text);
  if (value === 0) return "$0";
  const rounded = value >= 1 ? value : Number(value.toPrecision(3));
  return `$${rounded.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: value >= 1 ? 2 : 9 })}`;
}

export const count = (value: number): string => value.toLocaleString("en");

/** A number of things, such as "1 answer" and "2 answers". */
export const counted = (value: number, thing: string): string => `${count(value)} ${thing}${value === 1 ? "" : "s"}`;

/** A name of the code's, such as a node's, as people read it. */
export const words = (name: string): string => name.replaceAll("_", " ");

const UNSEEN = /[\s\p{Default_Ignorable_Code_Point}\p{Control}]/gu;

/** A name that people gave, or another word where nothing of it would be seen. */
export const named = (name: string | null | undefined, otherwise = "Untitled"): string => (name?.replace(UNSEEN, "") ? name : otherwise);

export const sentence = (name: string): string => {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
};

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const moment = (text: string): string => full.format(new Date(text));

export function shortMoment(text: string, now = new Date()): string {
  const at = new Date(text);
  return at.toDateString() === now.toDateString() ? time.format(at) : `${day.format(at)}, ${time.format(at)}`;
}

export function ago(text: string, now = Date.now()): string {
  const passed = Math.max(0, (now - Date.parse(text)) / 1000);
  return passed < 60 ? "just now" : `${inUnits(passed, Math.floor)} ago`;
}

export function until(text: string, now = Date.now()): string {
  const left = (Date.parse(text) - now) / 1000;
  return left < 60 ? "in less than a minute" : `in ${inUnits(Math.round(left / 60) * 60, Math.round)}`;
}

function inUnits(seconds: number, round: (value: number) => number): string {
  const [value, unit] = seconds < 3600 ? [seconds / 60, "min"] : seconds < 86_400 ? [seconds / 3600, "h"] : [seconds / 86_400, "d"];
  return `${round(value)} ${unit}`;
}

export const MODES: Record<string, string> = {
  "1": "Question, tools approved",
  "2": "Question",
  "3": "Chat, tools approved",
  "4": "Chat",
};

const REASONS: Record<string, string> = {
  history_failed: "The conversation so far could not be read.",
  rag_failed: "A source could not be searched.",
  rag_timeout: "A source did not answer in time.",
  no_sources: "The documents hold nothing on this.",
  tools_failed: "A tool failed.",
  tool_timeout: "A tool did not answer in time.",
  suggestion_failed: "No tools could be suggested.",
  llm_fallback: "Another model answered than the first choice.",
  ungrounded: "The sources do not back all of the answer.",
  uncertain: "The documents may not answer this.",
  truncated: "The answer was cut at its greatest length.",
  cut_off: "The model stopped midway.",
  content_filtered: "The provider held a part back.",
  guardrail: "A guardrail held a part back.",
  refused: "The model refused to answer.",
  recitation_blocked: "The provider blocked a quotation.",
  quality_failed: "The quality could not be checked.",
  models_missing: "The models for search are not installed.",
  save_failed: "The answer could not be saved.",
};

const CACHE_REASONS: Record<string, string> = {
  equal_question: "The same question was answered shortly before.",
  similar_question: "The same was asked shortly before in other words.",
  equal_request_running: "An equal request was running, and its run answered both.",
  not_found: "No answer to an equal question was kept.",
  low_quality: "No answer to an equal question was kept, and this one is not: its quality is too low.",
  no_response: "No answer to an equal question was kept, and this one is not: it has no text.",
  tool_with_effects: "No answer to an equal question was kept, and this one is not: a tool may have changed something.",
  cache_off: "The cache was not asked: it is turned off.",
  conversation: "The cache was not asked: an answer in a conversation depends on what was said before.",
  idempotency_key: "The cache was not asked: a request with an idempotency key is always a run of its own.",
  background: "The cache was not asked: a run in the background is always a run of its own.",
  resumed: "The cache was not asked: a person has decided on this run.",
  workflow_not_cacheable: "The cache was not asked: this workflow says that its answers may not be given again.",
  node_with_effects: "The cache was not asked: a step of this workflow does something in the world.",
  node_reads_run_id: "The cache was not asked: a step of this workflow reads the id of its run.",
  input_not_in_json: "The cache was not asked: a step reads a field that JSON does not hold in full.",
};

/** Why an answer came from the cache, or did not; empty: nothing is known. */
export const cacheReason = (name: string | null | undefined): string => (name ? (CACHE_REASONS[name] ?? sentence(name)) : "");

export const reason = (name: string): string => REASONS[name] ?? sentence(name);
