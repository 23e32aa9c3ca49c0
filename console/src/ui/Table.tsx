/** A table in a frame, which scrolls by itself where it is too wide, and on a narrow screen stacks the cells of many columns. */

import { type CSSProperties, type ReactNode, useLayoutEffect, useRef } from "react";

interface Column {
  name: string;
  isNumber?: boolean;
  /** Read out, and not seen. */
  isHidden?: boolean;
}

const FEW_COLUMNS = 3;

interface TableProps {
  label: string;
  columns: ReadonlyArray<Column | string>;
  /** The row of the sums. */
  footer?: ReactNode;
  children: ReactNode;
}

/** Browsers take the roles of a table from it whose parts are drawn as blocks, unless the parts name them. */
const ROLES = {
  "thead, tbody, tfoot": "rowgroup",
  "tr": "row",
  "thead th": "columnheader",
  ":is(tbody, tfoot) th": "rowheader",
  "td": "cell",
};

export function Table({ label, columns: given, footer, children }: TableProps) {
  const columns = given.map((column): Column => (typeof column === "string" ? { name: column } : column));
  const table = useRef<HTMLTableElement>(null);
  useLayoutEffect(() => {
    for (const [parts, role] of Object.entries(ROLES)) for (const part of table.current?.querySelectorAll(parts) ?? []) part.setAttribute("role", role);
  });
  const names = Object.fromEntries(columns.map(({ name, isHidden }, place) => [`--column-${place + 1}`, isHidden ? "none" : JSON.stringify(name)]));
  return (
    <div className="table-scroll table-framed" tabIndex={0} role="region" aria-label={label}>
      <table ref={table} role="table" className={columns.length > FEW_COLUMNS ? "table table-stacks" : "table"} style={names as CSSProperties}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, isHidden }) => <th key={name} className={isNumber ? "number" : undefined}>{isHidden ? <span className="sr-only">{name}</span> : name}</th>)}
          </tr>
        </thead>
        <tbody>{children}</tbody>
        {footer && <tfoot>{footer}</tfoot>}
      </table>
    </div>
  );
}

export const ACTIONS: Column = { name: "Actions", isHidden: true };
