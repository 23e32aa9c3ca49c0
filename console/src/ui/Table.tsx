/** A table in a frame, which scrolls by itself where it is too wide. */

import type { ReactNode } from "react";

interface Column {
  name: string;
  isNumber?: boolean;
  /** Read out, and not seen. */
  isHidden?: boolean;
}

export function Table({ label, columns, children }: { label: string; columns: ReadonlyArray<Column | string>; children: ReactNode }) {
  return (
    <div className="table-scroll table-framed" tabIndex={0} role="region" aria-label={label}>
      <table className="table">
        <thead>
          <tr>
            {columns.map((column) => {
              const { name, isNumber, isHidden } = typeof column === "string" ? { name: column, isNumber: false, isHidden: false } : column;
              return <th key={name} className={isNumber ? "number" : undefined}>{isHidden ? <span className="sr-only">{name}</span> : name}</th>;
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export const ACTIONS: Column = { name: "Actions", isHidden: true };
