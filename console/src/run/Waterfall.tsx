/** When each node of a run began and ended; bars of those that work grow. */

import { useEffect, useState } from "react";

import { seconds, words } from "../ui/format";
import { elapsed, type RunState } from "./state";

export function Waterfall({ run }: { run: RunState }) {
  const isLive = run.phase === "running";
  useTicks(isLive);
  const shown = run.nodes.filter((node) => node.status !== "skipped");
  const now = elapsed(run);
  const total = Math.max(0.001, isLive ? now : 0, ...shown.map((node) => node.end ?? now));
  if (!shown.length) return <p className="quiet">{isLive ? "Starting …" : "No steps were recorded."}</p>;
  return (
    <ol className="waterfall" aria-label="Steps of the run">
      {shown.map(({ node, status, start, end }) => (
        <li key={node} className={`waterfall-row waterfall-${status}`} title={`${words(node)}: ${status}`}>
          <span className="waterfall-name">{words(node)}</span>
          <span className="waterfall-track" aria-hidden>
            <span
              className="waterfall-bar"
              style={{ left: `${(100 * start) / total}%`, width: `${(100 * ((end ?? now) - start)) / total}%` }}
            />
          </span>
          <span className="waterfall-time">
            {seconds((end ?? now) - start)}
            {status !== "success" && status !== "running" && <span className="sr-only">, {status}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function useTicks(isLive: boolean): void {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!isLive) return;
    const timer = setInterval(() => tick((number) => number + 1), 100);
    return () => clearInterval(timer);
  }, [isLive]);
}
