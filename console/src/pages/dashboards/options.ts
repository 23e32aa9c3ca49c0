/** What ECharts draws of a panel. Colours are those of the theme, read when it is drawn. */

import type { EChartsCoreOption } from "echarts/core";

import { type Data, last, type Panel } from "./shown";
import { inUnit } from "./units";
import { timeOf, type TimeWindow } from "./window";

export interface Colours {
  text: string;
  quiet: string;
  border: string;
  surface: string;
  good: string;
  bad: string;
  accent: string;
  soft: string;
}

const LIGHT = ["#4f46e5", "#0e7c66", "#c2410c", "#0369a1", "#a21caf", "#a16207", "#be123c", "#4d7c0f", "#6b21a8", "#0f766e"];
const DARK = ["#8e8bf7", "#4fd09a", "#fb923c", "#7dd3fc", "#e879f9", "#facc15", "#fb7185", "#a3e635", "#c4b5fd", "#5eead4"];

const LINE_TYPES = ["solid", "dashed", "dotted"] as const;

export function optionsOf(panel: Panel, data: Data, window: TimeWindow, colours: Colours, isDark: boolean): EChartsCoreOption {
  const base = {
    animation: false,
    color: isDark ? DARK : LIGHT,
    textStyle: { color: colours.text, fontFamily: "Inter Variable, sans-serif" },
    backgroundColor: "transparent",
  };
  switch (panel.kind) {
    case "lines": return { ...base, ...lines(panel, data, window, colours) };
    case "heatmap": return { ...base, ...heatmap(data, window, colours) };
    case "pie": return { ...base, ...pie(panel, data, colours) };
    case "gauge": return { ...base, ...gauge(panel, data, colours) };
    default: return { ...base, ...bars(panel, data, colours) };
  }
}

// Drawn in the canvas: the policy allows no styles in HTML, which ECharts would write otherwise.
const tooltip = (colours: Colours) => ({
  renderMode: "richText",
  confine: true,
  backgroundColor: colours.surface,
  borderColor: colours.border,
  textStyle: { color: colours.text, fontSize: 12 },
});

const legend = (colours: Colours) => ({
  type: "scroll", bottom: 0, left: 0, right: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, itemGap: 14,
  textStyle: { color: colours.quiet, fontSize: 11 }, pageTextStyle: { color: colours.quiet }, pageIconColor: colours.text, pageIconInactiveColor: colours.border,
});

const timeAxis = ({ from, to }: TimeWindow, colours: Colours) => ({
  type: "time", min: from * 1000, max: to * 1000, splitNumber: 4,
  axisLine: { lineStyle: { color: colours.border } }, splitLine: { show: false },
  axisLabel: { color: colours.quiet, fontSize: 11, hideOverlap: true, formatter: (at: number) => timeOf(at / 1000, to - from) },
});

function lines(panel: Panel, data: Data, window: TimeWindow, colours: Colours) {
  const limit = panel.limit;
  return {
    grid: { left: 4, right: 12, top: 12, bottom: data.series.length > 0 ? 34 : 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: legend(colours),
    tooltip: {
      ...tooltip(colours), trigger: "axis", order: "valueDesc",
      valueFormatter: (value: unknown) => inUnit(typeof value === "number" ? value : null, panel.unit, panel.decimals),
    },
    toolbox: { show: true, top: -100, feature: { dataZoom: { yAxisIndex: "none" } } },
    xAxis: timeAxis(window, colours),
    yAxis: {
      type: "value", min: panel.least ?? undefined, max: panel.most ?? undefined, splitNumber: 4, scale: panel.least === null,
      axisLabel: { color: colours.quiet, fontSize: 11, formatter: (value: number) => inUnit(value, panel.unit) },
      splitLine: { lineStyle: { color: colours.border } },
    },
    series: data.series.map((each, place) => ({
      type: "line", name: each.name || panel.title, showSymbol: each.values.filter((value) => value !== null).length < 3, symbolSize: 5, connectNulls: false,
      lineStyle: { width: 1.75, type: LINE_TYPES[Math.floor(place / LIGHT.length) % LINE_TYPES.length] },
      data: data.times.map((at, index) => [at * 1000, each.values[index] ?? null]),
      ...(place === 0 && limit
        ? { markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colours.bad, type: "dashed", width: 1 }, data: [{ yAxis: limit.value }] } }
        : {}),
    })),
  };
}

function heatmap(data: Data, window: TimeWindow, colours: Colours) {
  const most = Math.max(1e-9, ...data.series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  return {
    grid: { left: 4, right: 12, top: 12, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: { ...tooltip(colours), formatter: ({ value }: { value: [number, number, number] }) => `${timeOf(data.times[value[0]] ?? 0, window.to - window.from)}, up to ${data.series[value[1]]?.name}: ${inUnit(value[2], "short")}` },
    xAxis: {
      type: "category", data: data.times.map((at) => timeOf(at, window.to - window.from)), axisLine: { lineStyle: { color: colours.border } },
      axisTick: { show: false }, axisLabel: { color: colours.quiet, fontSize: 11, hideOverlap: true, interval: Math.ceil(data.times.length / 5) },
    },
    yAxis: { type: "category", data: data.series.map(({ name }) => name), axisLabel: { color: colours.quiet, fontSize: 11 }, axisLine: { show: false }, axisTick: { show: false } },
    visualMap: { show: false, min: 0, max: most, inRange: { color: [colours.soft, colours.accent] } },
    series: [{
      type: "heatmap", itemStyle: { borderColor: colours.surface, borderWidth: 1 },
      data: data.series.flatMap(({ values }, row) => values.flatMap((value, column) => (value ? [[column, row, value]] : []))),
    }],
  };
}

function pie(panel: Panel, data: Data, colours: Colours) {
  return {
    tooltip: { ...tooltip(colours), trigger: "item", valueFormatter: (value: unknown) => inUnit(Number(value), panel.unit, panel.decimals) },
    legend: legend(colours),
    series: [{
      type: "pie", radius: ["42%", "68%"], center: ["50%", "44%"], label: { show: false }, itemStyle: { borderColor: colours.surface, borderWidth: 2 },
      stillShowZeroSum: false, data: data.series.map((each) => ({ name: each.name, value: last(each) ?? 0 })),
    }],
  };
}

function gauge(panel: Panel, data: Data, colours: Colours) {
  const shown = data.series.filter((each) => last(each) !== null);
  const most = panel.most ?? 1;
  return {
    series: shown.map((each, place) => {
      const value = last(each) ?? 0;
      const isGood = !panel.limit || (panel.limit.good === "above") === value >= panel.limit.value;
      return {
        type: "gauge", min: panel.least ?? 0, max: most, radius: shown.length > 1 ? "72%" : "92%", startAngle: 205, endAngle: -25,
        center: [`${(100 * (place + 0.5)) / shown.length}%`, "58%"],
        progress: { show: true, width: 12, itemStyle: { color: isGood ? colours.good : colours.bad } },
        axisLine: { lineStyle: { width: 12, color: [[1, colours.soft]] } },
        axisTick: { show: false }, splitLine: { show: false }, axisLabel: { show: false }, pointer: { show: false }, anchor: { show: false },
        title: { show: shown.length > 1, offsetCenter: [0, "58%"], color: colours.quiet, fontSize: 11, width: 120, overflow: "break" },
        detail: { offsetCenter: [0, 0], color: colours.text, fontSize: shown.length > 1 ? 18 : 26, fontWeight: 600, formatter: () => inUnit(value, panel.unit, panel.decimals) },
        data: [{ value, name: each.name }],
      };
    }),
  };
}

function bars(panel: Panel, data: Data, colours: Colours) {
  return {
    grid: { left: 4, right: 24, top: 8, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: { ...tooltip(colours), trigger: "item", valueFormatter: (value: unknown) => inUnit(Number(value), panel.unit, panel.decimals) },
    xAxis: { type: "value", axisLabel: { color: colours.quiet, fontSize: 11, hideOverlap: true }, splitLine: { lineStyle: { color: colours.border } } },
    yAxis: { type: "category", data: data.series.map(({ name }) => `≤ ${name} s`), axisLabel: { color: colours.quiet, fontSize: 11 }, axisTick: { show: false }, axisLine: { lineStyle: { color: colours.border } } },
    series: [{ type: "bar", data: data.series.map((each) => last(each) ?? 0), itemStyle: { borderRadius: [0, 3, 3, 0] } }],
  };
}
