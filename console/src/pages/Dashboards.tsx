/** The dashboards that Grafana has too, from the same definitions. */

import { useEffect, useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, RefreshCw, ZoomIn, ZoomOut } from "lucide-react";

import type { Schema } from "../api/client";
import { dashboardQuery, dashboardsQuery } from "../api/queries";
import { Button, IconButton } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { PanelCard } from "./dashboards/PanelCard";
import { fixedWindow, momentOf, RANGES, type TimeWindow, windowUpTo } from "./dashboards/window";
import "../styles/watch.css";

type Board = Schema<"DashboardView">;

const VARIABLES = ["environment", "instance", "mode", "tenant", "workflow"] as const;
const FIRST = "vital-performance";

export function Dashboards() {
  return <Dashboard uid={FIRST} />;
}

export function OneDashboard() {
  return <Dashboard uid={useParams({ from: "/dashboards/$uid" }).uid} />;
}

function Dashboard({ uid }: { uid: string }) {
  const boards = useQuery(dashboardsQuery);
  const board = useQuery(dashboardQuery(uid));
  return (
    <main className="page page-wide" id="main">
      <header className="page-head">
        <div>
          <h1>Dashboards</h1>
          <p className="quiet">{board.data?.description ?? "Whether the engine is fast, right, and worth its money."}</p>
        </div>
      </header>
      <nav className="board-tabs" aria-label="Dashboards">
        {boards.data?.dashboards.map((each) => (
          <Link key={each.uid} to="/dashboards/$uid" params={{ uid: each.uid }} search={{}} className="board-tab" aria-current={each.uid === uid ? "page" : undefined}>{each.title}</Link>
        ))}
      </nav>
      <Reading query={board}>{(shown) => <Panels key={uid} board={shown} />}</Reading>
    </main>
  );
}

function useNow(seconds: number, isRunning: boolean): [number, () => void] {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && setNow(Date.now() / 1000), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, isRunning]);
  return [now, () => setNow(Date.now() / 1000)];
}

function Panels({ board }: { board: Board }) {
  const search = useSearch({ strict: false }) as Partial<Record<"range" | "from" | "to" | "panel" | (typeof VARIABLES)[number], string>>;
  const navigate = useNavigate();
  const set = (part: typeof search) => {
    const chosen = Object.fromEntries(Object.entries({ ...search, ...part }).filter(([, value]) => value !== ""));
    void navigate({ to: "/dashboards/$uid", params: { uid: board.uid }, search: chosen, replace: true });
  };
  const isFixed = Boolean(search.from && search.to);
  const span = Number(search.range) || board.range_seconds;
  const [isPaused, setIsPaused] = useState(false);
  const [now, refresh] = useNow(board.refresh_seconds, !isFixed && !isPaused);
  const { from, to } = search;
  const window = useMemo<TimeWindow>(() => (from && to ? fixedWindow(Number(from), Number(to)) : windowUpTo(now, span)), [from, to, now, span]);
  const show = (start: number, end: number) => set({ from: String(Math.round(start)), to: String(Math.round(end)) });
  const length = window.to - window.from;
  const choices = Object.fromEntries(VARIABLES.flatMap((name) => (search[name] ? [[name, search[name]]] : [])));
  return (
    <>
      <div className="bar">
        <select aria-label="Time" value={isFixed ? "fixed" : String(span)} onChange={({ target }) => set({ range: target.value, from: "", to: "" })}>
          {isFixed && <option value="fixed">{momentOf(window.from)} to {momentOf(window.to)}</option>}
          {Object.entries(RANGES).map(([seconds, name]) => <option key={seconds} value={seconds}>{name}</option>)}
        </select>
        <span className="row" role="group" aria-label="Move in time">
          <IconButton label="Earlier" onClick={() => show(window.from - length / 2, window.to - length / 2)}><ChevronLeft aria-hidden /></IconButton>
          <IconButton label="Zoom in" onClick={() => show(window.from + length / 4, window.to - length / 4)}><ZoomIn aria-hidden /></IconButton>
          <IconButton label="Zoom out" onClick={() => show(window.from - length / 2, window.to + length / 2)}><ZoomOut aria-hidden /></IconButton>
          <IconButton label="Later" onClick={() => show(window.from + length / 2, window.to + length / 2)}><ChevronRight aria-hidden /></IconButton>
        </span>
        {isFixed && <Button small onClick={() => set({ from: "", to: "" })}>Back to now</Button>}
        {board.variables.map(({ name, label, values }) => (
          <select key={name} aria-label={label} value={search[name] ?? ""} onChange={({ target }) => set({ [name]: target.value })}>
            <option value="">{label}: all</option>
            {search[name] && !values.includes(search[name]) && <option value={search[name]}>{search[name]}</option>}
            {values.map((value) => <option key={value} value={value}>{label}: {value}</option>)}
          </select>
        ))}
        <span className="push row">
          <IconButton label="Refresh" onClick={refresh}><RefreshCw aria-hidden /></IconButton>
          {!isFixed && <Button small aria-pressed={isPaused} onClick={() => setIsPaused(!isPaused)}>{isPaused ? "Go on" : `Every ${board.refresh_seconds} s`}</Button>}
        </span>
      </div>
      <Origin board={board} window={window} />
      <div className="panels">
        {board.panels.map((panel, place) => (
          <Sectioned key={panel.key} title={panel.section !== board.panels[place - 1]?.section ? panel.section : ""}>
            <PanelCard uid={board.uid} panel={panel} window={window} choices={choices} isCurrent={search.panel === String(panel.id)} onZoom={show} />
          </Sectioned>
        ))}
      </div>
    </>
  );
}

function Sectioned({ title, children }: { title: string; children: React.ReactNode }) {
  return <>{title && <h2 className="panels-section">{title}</h2>}{children}</>;
}

/** Say what the figures leave out, where there is no Prometheus. */
function Origin({ board: { source }, window }: { board: Board; window: TimeWindow }) {
  if (source.kind === "prometheus") return null;
  const several = source.engines > 1 && `${source.engines} machines serve, and these are the figures of one of them alone.`;
  const begins = source.since == null ? "The first sample comes within ten seconds." : source.since > window.from ? `There are samples since ${momentOf(source.since)}.` : "";
  return (
    <p className={several ? "notice notice-wait" : "quiet origin"}>
      {several} {begins} Without a Prometheus the engine keeps its own samples of the last six hours; <code>VITAL_PROMETHEUS_URL</code> names one.
    </p>
  );
}
