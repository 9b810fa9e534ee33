/**
 * One panel: frames, field configuration and options, shown by Grafana's component of its type.
 *
 * A type without a component is an error and no empty place: a picture shows the whole board or does
 * not come about.
 */
import {
  DataFrame,
  FieldConfigSource,
  TimeRange,
  VizOrientation,
  getFieldDisplayValues,
} from '@grafana/data';
import { VizLegendOptions } from '@grafana/schema';
import {
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  PanelChrome,
  TimeSeries,
  UPlotConfigBuilder,
  VizRepeater,
  useTheme2,
} from '@grafana/ui';
import uPlot from 'uplot';
import { Recording, Target, framesOf } from './answers';
import { configOf, configured } from './fields';
import { Heatmap, HeatmapOptions } from './heatmap';

export interface PanelModel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  collapsed?: boolean;
  panels?: PanelModel[];
  targets: Target[];
  fieldConfig: FieldConfigSource;
  // Every type has its own.
  options: any;
}

/** A vertical line at a moment. */
export interface Mark {
  /** Unix milliseconds. */
  time: number;
  colour: string;
}

interface Props {
  panel: PanelModel;
  recording: Recording;
  timeRange: TimeRange;
  marks: Mark[];
  width: number;
  height: number;
}

interface Inside extends Omit<Props, 'recording'> {
  frames: DataFrame[];
}

const COMPONENTS: Record<string, (props: Inside) => React.ReactNode> = {
  timeseries: (props) => <Lines {...props} />,
  stat: (props) => <Stat {...props} />,
  heatmap: ({ frames, panel, timeRange, width, height }) => (
    <Heatmap
      frame={frames[0]}
      options={panel.options as HeatmapOptions}
      timeRange={timeRange}
      width={width}
      height={height}
    />
  ),
};

export function Panel(props: Props) {
  const theme = useTheme2();
  const { panel, recording, width, height } = props;
  const component = COMPONENTS[panel.type];
  if (component === undefined) {
    throw new Error(`no component for panels of type ${panel.type} (${panel.title})`);
  }
  const config = configOf(panel.fieldConfig, panel.type === 'timeseries');
  const frames = configured(framesOf(recording, panel.targets), config, theme);
  if (frames.length === 0) {
    throw new Error(`no data for ${panel.title}`);
  }
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(innerWidth, innerHeight) =>
        component({ ...props, frames, width: innerWidth, height: innerHeight })
      }
    </PanelChrome>
  );
}

function Lines({ frames, panel, timeRange, marks, width, height }: Inside) {
  const legend = panel.options.legend as VizLegendOptions;
  return (
    <TimeSeries
      frames={frames}
      timeRange={timeRange}
      timeZone="utc"
      legend={legend}
      width={width}
      height={height}
      options={panel.options}
    >
      {(config) => <Marks config={config} marks={marks} />}
    </TimeSeries>
  );
}

/** Annotations; in Grafana a part of the server's code, here a line for each. */
function Marks({ config, marks }: { config: UPlotConfigBuilder; marks: Mark[] }) {
  // The plot is made after its children, from what they have added by then.
  config.addHook('draw', (plot: uPlot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = uPlot.pxRatio;
    ctx.setLineDash([5 * uPlot.pxRatio, 5 * uPlot.pxRatio]);
    for (const { time, colour } of marks) {
      const x = plot.valToPos(time, 'x', true);
      ctx.strokeStyle = colour;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  });
  return null;
}

function Stat({ frames, panel, width, height }: Inside) {
  const theme = useTheme2();
  const { options } = panel;
  const values = getFieldDisplayValues({
    fieldConfig: configOf(panel.fieldConfig, false),
    reduceOptions: options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    data: frames,
    sparkline: options.graphMode !== 'none',
    timeZone: 'utc',
  });
  return (
    <VizRepeater
      getValues={() => values}
      renderValue={({ value, width: own, height: high }) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline}
          colorMode={options.colorMode as BigValueColorMode}
          graphMode={options.graphMode as BigValueGraphMode}
          justifyMode={options.justifyMode as BigValueJustifyMode}
          textMode={options.textMode as BigValueTextMode}
          text={options.text}
          count={values.length}
          width={own}
          height={high}
          theme={theme}
        />
      )}
      width={width}
      height={height}
      source={frames}
      autoGrid
      itemSpacing={3}
      renderCounter={0}
      orientation={VizOrientation.Auto}
    />
  );
}
