/** What each day has cost, as bars: the table beside it has the same figures in words. */

import { dollars } from "../../ui/format";

export interface DayCost {
  day: string;
  cost: number;
}

const HEIGHT = 120;
const GAP = 0.25;

/** Fill the days between the first and the last, in UTC. */
export function withoutGaps(days: readonly DayCost[], from: string | undefined, to: string): DayCost[] {
  const known = new Map(days.map(({ day, cost }) => [day, cost]));
  const first = Date.parse(from ?? days[0]?.day ?? to);
  const all: DayCost[] = [];
  for (let at = first; at <= Date.parse(to); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    all.push({ day, cost: known.get(day) ?? 0 });
  }
  return all;
}

export function DayBars({ days }: { days: readonly DayCost[] }) {
  const most = Math.max(...days.map(({ cost }) => cost));
  const first = days[0];
  const last = days.at(-1);
  if (!first || !last || most === 0) return null;
  const top = days.find(({ cost }) => cost === most)!;
  return (
    <figure className="day-bars">
      <svg viewBox={`0 0 ${days.length} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Cost by day, from ${first.day} to ${last.day}; most on ${top.day}, ${dollars(most)}`}>
        {days.map(({ day, cost }, index) => {
          const height = cost === 0 ? 0 : Math.max(1.5, (cost / most) * HEIGHT);
          return (
            <g key={day}>
              <title>{`${day}: ${dollars(cost)}`}</title>
              <rect className="day-space" x={index} y={0} width={1} height={HEIGHT} />
              <rect className="day-bar" x={index + GAP / 2} y={HEIGHT - height} width={1 - GAP} height={height} />
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{first.day}</span>
        <span>at most {dollars(most)} a day</span>
        <span>{last.day}</span>
      </figcaption>
    </figure>
  );
}
