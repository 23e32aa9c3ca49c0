/** Figures with their units, which are named as Grafana names them. */

import { dollars, seconds } from "../../ui/format";

const SIZES = ["B", "kB", "MB", "GB", "TB"] as const;

function bytes(value: number): string {
  const power = Math.min(SIZES.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  return `${plain(value / 1000 ** power)} ${SIZES[power]}`;
}

function plain(value: number, decimals?: number): string {
  const size = Math.abs(value);
  const digits = decimals ?? (size === 0 || Number.isInteger(value) ? 0 : size >= 100 ? 0 : size >= 1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(size))));
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function duration(value: number): string {
  if (value < 3600) return seconds(value);
  return value < 86_400 ? `${plain(value / 3600, 1)} h` : `${plain(value / 86_400, 1)} d`;
}

export function inUnit(value: number | null | undefined, unit: string, decimals?: number | null): string {
  if (value == null) return "–";
  switch (unit) {
    case "percentunit": return `${plain(value * 100, decimals ?? 1)} %`;
    case "s": return duration(value);
    case "currencyUSD": return dollars(value);
    case "bytes": return bytes(value);
    case "reqps": return `${plain(value)}/s`;
    case "ops": return `${plain(value)}/s`;
    default: return plain(value, decimals ?? undefined);
  }
}
