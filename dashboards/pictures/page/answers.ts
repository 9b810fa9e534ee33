/**
 * What Prometheus answered, as the data frames that Grafana's components read.
 *
 * In Grafana this is the work of its Prometheus data source, a plugin with a server part that no
 * package has. It knows nothing of how a panel looks.
 */
import { DataFrame, FieldType, createDataFrame } from '@grafana/data';

/** One series of `/api/v1/query_range`: seconds, and the number as text. */
export interface Series {
  metric: Record<string, string>;
  values: Array<[number, string]>;
}

/** What `tests/kafka_dashboards.rs` keeps of one board. */
export interface Recording {
  /** Unix seconds. */
  from: number;
  to: number;
  /** Seconds between two points. */
  step: number;
  /** By query, as the board has it. */
  answers: Record<string, Series[]>;
}

export interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  format?: string;
}

/** What was answered to a query. */
export function answerTo(recording: Recording, query: string): Series[] {
  const series = recording.answers[query];
  if (series === undefined) {
    throw new Error(`no answer was recorded to ${query}`);
  }
  return series;
}

/** The frames of a panel: one a series, or for a heat map one with a field a bucket. */
export function framesOf(recording: Recording, targets: Target[]): DataFrame[] {
  return targets.flatMap((target) => {
    const series = answerTo(recording, target.expr);
    return target.format === 'heatmap'
      ? [bucketFrame(series, recording)]
      : series.map((one) => lineFrame(one, target, recording));
  });
}

function lineFrame(series: Series, target: Target, recording: Recording): DataFrame {
  const name = legend(series.metric, target.legendFormat);
  const { times, values } = onGrid(series, recording);
  const milliseconds = recording.step * 1000;
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: times, config: { interval: milliseconds } },
      {
        name: 'Value',
        type: FieldType.number,
        values,
        labels: series.metric,
        config: name === undefined ? {} : { displayNameFromDS: name },
      },
    ],
  });
}

/** Counts of each bucket alone, from Prometheus' counts of all up to a bound. */
function bucketFrame(all: Series[], recording: Recording): DataFrame {
  const bound = (series: Series) => Number(series.metric.le.replace('+Inf', 'Infinity'));
  const sorted = [...all].sort((one, other) => bound(one) - bound(other));
  const lines = sorted.map((series) => onGrid(series, recording));
  return createDataFrame({
    fields: [
      { name: 'Time', type: FieldType.time, values: lines[0]?.times ?? [] },
      ...sorted.map((series, at) => ({
        name: series.metric.le,
        type: FieldType.number,
        values: lines[at].values.map((value, time) => {
          const below = at === 0 ? 0 : lines[at - 1].values[time];
          // The buckets of a scrape are not read at one instant: a difference can be just below 0.
          return value === null || below === null ? null : Math.max(0, value - below);
        }),
      })),
    ],
  });
}

/** A value for every step, `null` where there is none. */
function onGrid(series: Series, { from, to, step }: Recording) {
  const known = new Map(series.values.map(([second, text]) => [second, number(text)]));
  const times: number[] = [];
  const values: Array<number | null> = [];
  for (let second = from; second <= to; second += step) {
    times.push(second * 1000);
    values.push(known.get(second) ?? null);
  }
  return { times, values };
}

/** Prometheus writes 0/0 as NaN; Grafana shows it as a gap. */
function number(text: string): number | null {
  const value = Number(text.replace('Inf', 'Infinity'));
  return Number.isNaN(value) ? null : value;
}

/** The legend of a series: labels in double braces are replaced. */
function legend(labels: Record<string, string>, format?: string): string | undefined {
  if (!format) {
    return undefined;
  }
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => labels[label] ?? '');
}
