/**
 * A heat map of buckets over time.
 *
 * Grafana's heat map is a plugin of the server and in no package. What it is built from is: the plot,
 * its scales and its axes. Only cells and scale are drawn here, by the plugin's rules: one row a
 * bucket, empty cells left out, colours from the smallest to the largest count.
 */
import { DataFrame, TimeRange, formattedValueToString, getValueFormat } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, VizLayout, useTheme2 } from '@grafana/ui';
import { interpolateSpectral } from 'd3-scale-chromatic';
import { useMemo } from 'react';
import uPlot from 'uplot';

export interface HeatmapOptions {
  cellGap: number;
  color: { scheme: string; steps: number; reverse: boolean };
  yAxis: { unit: string };
}

interface Props {
  frame: DataFrame;
  options: HeatmapOptions;
  timeRange: TimeRange;
  width: number;
  height: number;
}

const LEGEND_HEIGHT = 26;
/** Grafana's own bound below which a cell is empty. */
const EMPTY = 1e-9;

export function Heatmap({ frame, options, timeRange, width, height }: Props) {
  const theme = useTheme2();
  const times = frame.fields[0].values as number[];
  const rows = frame.fields.slice(1);
  const counts: number[] = rows.flatMap((row) => row.values.filter((count) => count > EMPTY));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const palette = useMemo(() => colours(options.color), [options.color]);

  const config = useMemo(() => {
    const builder = new UPlotConfigBuilder('utc');
    const format = getValueFormat(options.yAxis.unit);
    builder.addScale({
      scaleKey: 'x',
      isTime: true,
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
    });
    builder.addScale({
      scaleKey: 'y',
      isTime: false,
      orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Up,
      range: () => [0, rows.length],
    });
    builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, theme, timeZone: 'utc' });
    builder.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      theme,
      splits: rows.map((_, at) => at + 1),
      // Every second bound, or the labels would lie on one another.
      values: (_: uPlot, splits: number[]) =>
        splits.map((split) => {
          const bound = rows[split - 1].name;
          if (split % 2 === 1 || bound === '+Inf') {
            return null;
          }
          return formattedValueToString(format(Number(bound)));
        }),
    });
    builder.addSeries({
      scaleKey: 'y',
      theme,
      pathBuilder: () => null,
      pxAlign: false,
      show: true,
    });
    builder.addHook('draw', (plot: uPlot) => {
      const { ctx } = plot;
      const gap = options.cellGap * uPlot.pxRatio;
      const step = times[1] - times[0];
      ctx.save();
      ctx.beginPath();
      ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
      ctx.clip();
      rows.forEach((row, at) => {
        const top = Math.round(plot.valToPos(at + 1, 'y', true));
        const bottom = Math.round(plot.valToPos(at, 'y', true));
        row.values.forEach((count: number | null, time: number) => {
          if (count === null || count <= EMPTY) {
            return;
          }
          const left = Math.round(plot.valToPos(times[time] - step, 'x', true));
          const right = Math.round(plot.valToPos(times[time], 'x', true));
          const share = (count - least) / (most - least || 1);
          ctx.fillStyle = palette[Math.min(palette.length - 1, Math.floor(share * palette.length))];
          ctx.fillRect(left, top, Math.max(1, right - left - gap), Math.max(1, bottom - top - gap));
        });
      });
      ctx.restore();
    });
    builder.setPrepData(() => [times, times.map(() => null)]);
    return builder;
  }, [frame, options, theme, timeRange]);

  const legend = (
    <VizLayout.Legend placement="bottom" maxHeight={`${LEGEND_HEIGHT}px`}>
      <Scale palette={palette} least={least} most={most} />
    </VizLayout.Legend>
  );
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(plotWidth: number, plotHeight: number) => (
        <UPlotChart
          config={config}
          data={[times, times.map(() => null)]}
          width={plotWidth}
          height={plotHeight}
        />
      )}
    </VizLayout>
  );
}

/** The bar that says what the colours mean. */
function Scale({ palette, least, most }: { palette: string[]; least: number; most: number }) {
  const theme = useTheme2();
  const text = { ...theme.typography.bodySmall, color: theme.colors.text.secondary };
  const number = (count: number) => formattedValueToString(getValueFormat('short')(count));
  return (
    <div style={{ display: 'flex', alignItems: 'center', gap: 8, paddingLeft: 8, width: 300 }}>
      <span style={text}>{number(least)}</span>
      <div style={{ flex: 1, height: 8, background: `linear-gradient(90deg, ${palette.join(', ')})` }} />
      <span style={text}>{number(most)}</span>
    </div>
  );
}

function colours({ scheme, steps, reverse }: HeatmapOptions['color']): string[] {
  if (scheme !== 'Spectral') {
    throw new Error(`the colour scheme ${scheme} is not known here`);
  }
  return Array.from({ length: steps }, (_, at) => {
    const share = at / (steps - 1);
    // Grafana turns schemes of this kind round, so that red is much; `reverse` turns them back.
    return interpolateSpectral(reverse ? share : 1 - share);
  });
}
