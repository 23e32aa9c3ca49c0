/** One panel: its data are read while it is on the screen, and drawn as its kind wants. */

import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Download, LoaderCircle, Table2 } from "lucide-react";

import { panelQuery } from "../../api/queries";
import { IconButton } from "../../ui/parts";
import { Figures } from "./Figures";
import { type Data, hasValues, last, type Panel, rowsOf, save, toCsv } from "./shown";
import { inUnit } from "./units";
import { type TimeWindow, windowOfTotal } from "./window";

const IN_TIME: readonly Panel["kind"][] = ["lines", "heatmap"];

const Chart = lazy(() => import("./Chart").then(({ Chart }) => ({ default: Chart })));

interface CardProps {
  uid: string;
  panel: Panel;
  window: TimeWindow;
  choices: Record<string, string>;
  isCurrent: boolean;
  onZoom: (from: number, to: number) => void;
}

export function PanelCard({ uid, panel, window, choices, isCurrent, onZoom }: CardProps) {
  const card = useRef<HTMLElement>(null);
  const isSeen = useIsSeen(card);
  const [isTable, setIsTable] = useState(false);
  const asked = IN_TIME.includes(panel.kind) ? window : windowOfTotal(window);
  const query = useQuery({ ...panelQuery(uid, panel.id, asked, choices), enabled: isSeen, placeholderData: keepPreviousData });
  const { error } = query;
  const shown = useRef<{ data: Data; window: TimeWindow; choices: string } | null>(null);
  const chosen = JSON.stringify(choices);
  if (query.data && !query.isPlaceholderData) shown.current = { data: query.data, window, choices: chosen };
  // What was drawn of the same choices stays until something newer can be read.
  const kept = error && shown.current?.choices === chosen ? shown.current : null;
  const data = query.data ?? kept?.data;
  useEffect(() => {
    if (isCurrent) card.current?.scrollIntoView({ block: "center" });
  }, [isCurrent]);
  const state = data ? (hasValues(data) ? "drawn" : "empty") : error ? "failed" : "loading";
  const canBeTable = panel.kind !== "table" && panel.kind !== "number";
  return (
    <section ref={card} className={`card panel panel-${panel.kind} ${isCurrent ? "panel-current" : ""}`} style={{ gridColumn: `span ${panel.width}` }} aria-label={panel.title} data-state={state} data-panel={panel.key}>
      <header className="panel-head">
        <h3 title={panel.description}>{panel.title}</h3>
        {query.isFetching && <LoaderCircle className="spin" aria-hidden />}
        {canBeTable && <IconButton label={`${panel.title} as a table`} aria-pressed={isTable} onClick={() => setIsTable(!isTable)}><Table2 aria-hidden /></IconButton>}
        <IconButton label={`${panel.title} as CSV`} disabled={!data} onClick={() => data && save(toCsv(panel, data), `${panel.key}.csv`)}><Download aria-hidden /></IconButton>
      </header>
      <p className="panel-description quiet">{panel.description}{panel.alerts.length > 0 && ` Watched by ${panel.alerts.join(", ")}.`}</p>
      <div className="panel-body">
        {state === "failed" ? <p className="panel-empty fault" role="alert">{error!.message}</p>
          : state === "empty" ? <p className="panel-empty quiet">{panel.if_empty}</p>
          : data && <Drawn panel={panel} data={data} window={kept?.window ?? window} isTable={isTable} onZoom={onZoom} />}
      </div>
      {error && data && <p className="fault panel-note" role="alert">What is shown may be out of date. {error.message}</p>}
      {!!data?.hidden_series && <p className="quiet panel-note">{data.hidden_series} more series have smaller values.</p>}
    </section>
  );
}

interface DrawnProps {
  panel: Panel;
  data: Data;
  window: TimeWindow;
  isTable: boolean;
  onZoom: (from: number, to: number) => void;
}

function Drawn({ panel, data, window, isTable, onZoom }: DrawnProps) {
  if (panel.kind === "table" || isTable) return <Figures label={`${panel.title}, figures`} rows={rowsOf(panel, data)} decimals={panel.decimals} />;
  if (panel.kind === "pie" && data.series.every((each) => !last(each))) return <p className="panel-empty quiet">All of it is 0 in this time</p>;
  if (panel.kind === "number") return <Numbers panel={panel} data={data} />;
  return (
    <Suspense fallback={null}>
      <Chart panel={panel} data={data} window={window} onZoom={onZoom} />
    </Suspense>
  );
}

function Numbers({ panel, data }: { panel: Panel; data: Data }) {
  return (
    <dl className="panel-numbers">
      {data.series.map((each) => <div key={each.name}><dt>{each.name}</dt><dd>{inUnit(last(each), panel.unit, panel.decimals)}</dd></div>)}
    </dl>
  );
}

/** Whether an element is near the screen: what nobody sees asks for nothing. A busy browser gives several
 * observations together, of which the last one is right. */
function useIsSeen(element: React.RefObject<HTMLElement | null>): boolean {
  const [isSeen, setIsSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setIsSeen(!!entries.at(-1)?.isIntersecting), { rootMargin: "200px" });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return isSeen;
}
