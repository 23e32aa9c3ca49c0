/** The tools that models may call, and the servers of some of them. */

import { useQuery } from "@tanstack/react-query";

import type { Schema } from "../../api/client";
import { toolsQuery } from "../../api/queries";
import { Reading } from "../../ui/Reading";
import { Table } from "../../ui/Table";
import { dollars, seconds, words } from "../../ui/format";

export function Tools() {
  const query = useQuery(toolsQuery);
  return <Reading query={query}>{(list) => <Listed {...list} />}</Reading>;
}

function Listed({ tools, mcp_servers: servers }: Schema<"ToolList">) {
  return (
    <>
      <Table label="Tools" columns={["Tool", "What it may do", "Time", { name: "Cost of a call", isNumber: true }]}>
        {tools.map((tool) => (
          <tr key={tool.name}>
            <td className="cell-long"><strong>{words(tool.name)}</strong><span className="cell-sub">{tool.description}</span></td>
            <td className="cell-name">{tool.is_read_only ? "Reads only" : "May change something"}<span className="cell-sub">{tool.requires_approval ? "Asks first, in modes with approval" : "Never asks"}</span></td>
            <td className="nowrap">{seconds(tool.timeout_seconds)} at most</td>
            <td className="number">{dollars(tool.cost_dollars)}</td>
          </tr>
        ))}
      </Table>
      <section className="block">
        <h2>MCP servers</h2>
        {servers.length === 0 ? (
          <p className="quiet">None is configured. They stand in the configuration file, under <code>[mcp.name]</code>.</p>
        ) : (
          <Table label="MCP servers" columns={["Server", "At the start", "Tools"]}>
            {servers.map((server) => (
              <tr key={server.name}>
                <td>{server.name}</td>
                <td>{server.problem ? <><span className="badge badge-bad">Away</span><span className="cell-sub">{server.problem}</span></> : <span className="badge badge-good">Answered</span>}</td>
                <td>{server.tools.map(words).join(", ") || "None"}</td>
              </tr>
            ))}
          </Table>
        )}
      </section>
    </>
  );
}
