/** A graph in a canvas; ECharts comes with the first one. */

import { useEffect, useRef, useSyncExternalStore } from "react";
import { BarChart, GaugeChart, HeatmapChart, LineChart, PieChart } from "echarts/charts";
import { GridComponent, LegendScrollComponent, MarkLineComponent, ToolboxComponent, DataZoomComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { type ECharts, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import { type Colours, optionsOf } from "./options";
import { type Data, isInTime, last, type Panel } from "./shown";
import { inUnit } from "./units";
import type { TimeWindow } from "./window";

use([
  BarChart, GaugeChart, HeatmapChart, LineChart, PieChart, GridComponent, LegendScrollComponent, MarkLineComponent,
  ToolboxComponent, DataZoomComponent, TooltipComponent, VisualMapComponent, CanvasRenderer,
]);

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Follow the theme: the chosen one, or else the system's. */
function useIsDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const observer = new MutationObserver(changed);
      observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
      dark.addEventListener("change", changed);
      return () => {
        observer.disconnect();
        dark.removeEventListener("change", changed);
      };
    },
    () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark",
  );
}

/** Read the theme's colours as the canvas takes them: computed, since `light-dark()` is not known to it. */
function coloursOf(element: HTMLElement): Colours {
  const probe = element.appendChild(document.createElement("span"));
  probe.style.transition = "none"; // else the colour before is read where all of motion is cut short
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    text: read("text"), quiet: read("text-quiet"), border: read("border"), surface: read("raised"),
    good: read("good"), bad: read("bad"), accent: read("accent"), soft: read("sunken"),
  };
  probe.remove();
  return found;
}

interface ChartProps {
  panel: Panel;
  data: Data;
  window: TimeWindow;
  onZoom: (from: number, to: number) => void;
}

export function Chart({ panel, data, window, onZoom }: ChartProps) {
  const root = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts | null>(null);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const isDark = useIsDark();
  useEffect(() => {
    const element = root.current!;
    const made = init(element);
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    made.on("datazoom", (event) => {
      const { startValue, endValue } = ((event as { batch?: { startValue?: number; endValue?: number }[] }).batch ?? [])[0] ?? {};
      if (startValue !== undefined && endValue !== undefined) zoom.current(Math.floor(startValue / 1000), Math.ceil(endValue / 1000));
    });
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(optionsOf(panel, data, window, coloursOf(root.current!), isDark), { notMerge: true });
    if (panel.kind === "lines") chart.current?.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  }, [panel, data, window, isDark]);
  return <div ref={root} className="chart" role="img" aria-label={described(panel, data)} />;
}

const NAMED = 4;

function described(panel: Panel, data: Data): string {
  const latest = data.series.slice(0, NAMED).map((each) => `${each.name || panel.title} ${inUnit(last(each), panel.unit, panel.decimals)}`);
  const more = data.series.length > NAMED ? `, and ${data.series.length - NAMED} more` : "";
  return `${panel.title}${isInTime(panel) ? ", latest" : ""}: ${latest.join(", ")}${more}`;
}
