/** The spans of time that costs are shown for; days are those of UTC, as in the ledger. */

export const PERIODS = { today: "Today", week: "Last 7 days", month: "Last 30 days", this: "This month", quarter: "Last 90 days", all: "All time" } as const;

export type Period = keyof typeof PERIODS;

const DAYS: Partial<Record<Period, number>> = { today: 1, week: 7, month: 30, quarter: 90 };

export const isPeriod = (text: string | undefined): text is Period => text !== undefined && text in PERIODS;

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** The first day of a span; undefined: since ever. */
export function firstDay(period: Period, now = Date.now()): string | undefined {
  if (period === "all") return undefined;
  if (period === "this") return `${dayOf(now).slice(0, 7)}-01`;
  return dayOf(now - ((DAYS[period] ?? 1) - 1) * 86_400_000);
}

export const today = (now = Date.now()): string => dayOf(now);
