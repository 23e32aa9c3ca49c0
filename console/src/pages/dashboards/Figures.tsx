/** A panel's figures as a table, which any column sorts. */

import { useState } from "react";

import { type Cell, type Rows } from "./shown";
import { inUnit } from "./units";

interface Order {
  column: number;
  isRising: boolean;
}

const compared = (one: Cell | undefined, other: Cell | undefined): number =>
  one?.isName ? one.text.localeCompare(other?.text ?? "", undefined, { numeric: true }) : (one?.value ?? -Infinity) - (other?.value ?? -Infinity) || 0;

export function Figures({ label, rows: { columns, rows }, decimals }: { label: string; rows: Rows; decimals: number | null }) {
  const [order, setOrder] = useState<Order | null>(null);
  const sorted = order ? rows.toSorted((one, other) => compared(one[order.column], other[order.column]) * (order.isRising ? 1 : -1)) : rows;
  const sort = (column: number) => setOrder((before) => ({ column, isRising: before?.column === column ? !before.isRising : !!rows[0]?.[column]?.isName }));
  return (
    <div className="table-scroll panel-table" tabIndex={0} role="region" aria-label={label}>
      <table className="table">
        <thead>
          <tr>
            {columns.map((column, place) => (
              <th key={column} className={rows[0]?.[place]?.isName === false ? "number" : undefined} aria-sort={order?.column === place ? (order.isRising ? "ascending" : "descending") : "none"}>
                <button type="button" className="sorter" onClick={() => sort(place)}>{column}<span aria-hidden>{order?.column === place ? (order.isRising ? " ↑" : " ↓") : ""}</span></button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={row.filter(({ isName }) => isName).map(({ text }) => text).join("\n")}>
              {row.map((cell, place) => <td key={columns[place]} className={cell.isName ? undefined : "number"}>{cell.isName ? cell.text || "–" : inUnit(cell.value, cell.unit, decimals)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
