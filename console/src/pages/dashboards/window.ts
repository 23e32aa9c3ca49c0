/** The time that a dashboard shows: a span up to now, or two fixed moments. */

export interface TimeWindow {
  from: number;
  to: number;
  step: number;
  /** Where the time ends exactly: `to` may stand a step before it. */
  end: number;
}

export const RANGES: Record<string, string> = {
  "300": "Last 5 minutes", "900": "Last 15 minutes", "1800": "Last 30 minutes", "3600": "Last hour", "10800": "Last 3 hours",
  "21600": "Last 6 hours", "43200": "Last 12 hours", "86400": "Last 24 hours", "604800": "Last 7 days", "2592000": "Last 30 days",
};

const POINTS = 120;
const STEPS = [10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400];

/** Return the step of a graph's points: at least 10 s, the time from one sample to the next. */
export const stepOf = (span: number): number => STEPS.find((step) => span / step <= POINTS) ?? Math.ceil(span / POINTS);

/** Points stand at whole multiples of the step, so that a refreshed graph does not tremble. */
export function windowUpTo(now: number, span: number): TimeWindow {
  const step = stepOf(span);
  const to = Math.floor(now / step) * step;
  return { from: to - span, to: Math.max(to, to - span + 1), step, end: now };
}

export function fixedWindow(from: number, to: number): TimeWindow {
  const end = Math.max(to, from + 1);
  return { from, to: end, step: stepOf(to - from), end };
}

/** A total counts up to the end: the last step of an hour is half a minute, in which a new engine has all of its requests. */
export const windowOfTotal = ({ from, to, step, end }: TimeWindow): TimeWindow => ({ from: end - (to - from), to: end, step, end });

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dated = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const timeOf = (at: number, span: number): string => (span > 86_400 ? dated : span < 600 ? exact : clock).format(new Date(at * 1000));
export const momentOf = (at: number): string => dated.format(new Date(at * 1000));
