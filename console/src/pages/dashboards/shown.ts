/** A panel's data as rows and columns: for its table, its CSV file and those who do not see a graph. */

import type { Schema } from "../../api/client";

export type Panel = Schema<"PanelView">;
export type Data = Schema<"PanelData">;
export type Series = Data["series"][number];

export interface Cell {
  text: string;
  value: number | null;
  unit: string;
  isName: boolean;
}

export interface Rows {
  columns: readonly string[];
  rows: ReadonlyArray<readonly Cell[]>;
}

const HEADINGS: Record<string, string> = {
  agent_id: "Agent", commit: "Commit", environment: "Environment", instance: "Instance", mode: "Mode", period: "Period", tenant_id: "Tenant", version: "Version",
};

export const isInTime = ({ kind }: Panel): boolean => kind === "lines" || kind === "heatmap";

export const hasValues = (data: Data): boolean => data.series.some(({ values }) => values.some((value) => value !== null));

export const last = (series: Series): number | null => series.values.findLast((value) => value !== null) ?? null;

const name = (text: string): Cell => ({ text, value: null, unit: "", isName: true });
const figure = (value: number | null, unit: string): Cell => ({ text: "", value, unit, isName: false });

/** Return a table's rows, the greatest of the first figure first. */
export function tableRows(panel: Panel, { series }: Data): Rows {
  const rows = new Map<string, { labels: Series["labels"]; figures: (number | null)[] }>();
  for (const each of series) {
    const key = panel.rows.map((label) => each.labels[label] ?? "").join("\n");
    const row = rows.get(key) ?? { labels: each.labels, figures: panel.queries.map(() => null) };
    row.figures[each.query] = last(each);
    rows.set(key, row);
  }
  const sorted = [...rows.values()].sort((one, other) => (other.figures[0] ?? -Infinity) - (one.figures[0] ?? -Infinity));
  return {
    columns: [...panel.rows.map((label) => HEADINGS[label] ?? label), ...panel.queries.map(({ legend }) => legend)],
    rows: sorted.map(({ labels, figures }) => [
      ...panel.rows.map((label) => name(labels[label] ?? "")),
      ...figures.map((value, query) => figure(value, panel.queries[query]?.unit ?? panel.unit)),
    ]),
  };
}

/** Return the latest value of each series. */
export function latestRows(panel: Panel, { series }: Data): Rows {
  return {
    columns: ["Series", "Latest"],
    rows: series.map((each) => [name(each.name || panel.title), figure(last(each), panel.queries[each.query]?.unit ?? panel.unit)]),
  };
}

export const rowsOf = (panel: Panel, data: Data): Rows => (panel.kind === "table" ? tableRows(panel, data) : latestRows(panel, data));

/** Write a cell so that no spreadsheet takes it for a formula (OWASP, CSV injection). */
const cell = (text: string): string => {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export function toCsv(panel: Panel, data: Data): string {
  const lines = isInTime(panel)
    ? [
        ["Time", ...data.series.map((each) => each.name || panel.title)],
        ...data.times.map((at, place) => [new Date(at * 1000).toISOString(), ...data.series.map(({ values }) => String(values[place] ?? ""))]),
      ]
    : [rowsOf(panel, data).columns, ...rowsOf(panel, data).rows.map((row) => row.map((each) => (each.isName ? each.text : String(each.value ?? ""))))];
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function save(text: string, file: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  Object.assign(document.createElement("a"), { href: address, download: file }).click();
  URL.revokeObjectURL(address);
}
