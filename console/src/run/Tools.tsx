/** The tool calls that were made, each with its arguments and result. */

import { Status } from "../ui/parts";
import { dollars, seconds } from "../ui/format";
import type { ToolResult } from "./state";

export function Tools({ tools }: { tools: readonly ToolResult[] }) {
  if (!tools.length) return null;
  return (
    <section className="tools">
      <h3>Tools</h3>
      <ul>
        {tools.map((tool) => (
          <li key={tool.id} className="tool">
            <p className="tool-head">
              <code>{tool.name}</code> <Status status={tool.status} />
              <span className="quiet">
                {seconds(tool.duration_seconds)} · {dollars(tool.cost_dollars)}
              </span>
            </p>
            {Object.keys(tool.arguments).length > 0 && <pre className="json">{JSON.stringify(tool.arguments, null, 2)}</pre>}
            <p className="tool-result" dir="auto">{tool.content || tool.error}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
