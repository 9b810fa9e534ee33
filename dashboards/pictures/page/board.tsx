/**
 * A whole board: its head, and its panels on Grafana's grid of 24 columns.
 *
 * The head shows what Grafana's would: title, variables, time range. It has no menus behind it.
 */
import { GrafanaTheme2, TimeRange, dateTimeFormat } from '@grafana/data';
import { Icon, useTheme2 } from '@grafana/ui';
import { Recording, answerTo } from './answers';
import { Mark, Panel, PanelModel } from './panel';

export interface BoardModel {
  uid: string;
  title: string;
  refresh: string;
  templating: { list: Array<{ name: string; label: string; type: string }> };
  annotations: { list: Array<{ iconColor: string; target: { expr: string } }> };
  panels: PanelModel[];
}

/** What `GRID_CELL_HEIGHT`, `GRID_CELL_VMARGIN` and `GRID_COLUMN_COUNT` are in Grafana. */
const CELL = 30;
const GAP = 8;
const COLUMNS = 24;
const EDGE = 16;

interface Props {
  board: BoardModel;
  recording: Recording;
  timeRange: TimeRange;
  width: number;
}

export function Board({ board, recording, timeRange, width }: Props) {
  const theme = useTheme2();
  const inner = width - 2 * EDGE;
  const column = (inner - GAP * (COLUMNS - 1)) / COLUMNS;
  const marks = marksOf(board, recording, theme);
  // Folded rows are shown open: their panels are laid out as if they were.
  const panels = board.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const lines = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <div style={{ width, padding: EDGE, background: theme.colors.background.canvas }}>
      <Head board={board} timeRange={timeRange} />
      <div style={{ position: 'relative', height: lines * (CELL + GAP) - GAP }}>
        {panels.map((panel) => {
          const { x, y, w, h } = panel.gridPos;
          const panelWidth = w * column + (w - 1) * GAP;
          const panelHeight = h * CELL + (h - 1) * GAP;
          return (
            <div
              key={panel.id}
              data-panel={panel.type}
              data-title={panel.title}
              style={{
                position: 'absolute',
                left: x * (column + GAP),
                top: y * (CELL + GAP),
                width: panelWidth,
                height: panelHeight,
              }}
            >
              {panel.type === 'row' ? (
                <Row title={panel.title} />
              ) : (
                <Panel
                  panel={panel}
                  recording={recording}
                  timeRange={timeRange}
                  marks={marks}
                  width={panelWidth}
                  height={panelHeight}
                />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Row({ title }: { title: string }) {
  const theme = useTheme2();
  return (
    <div style={{ display: 'flex', alignItems: 'center', gap: 4, height: CELL, color: theme.colors.text.primary }}>
      <Icon name="angle-down" />
      <span style={{ ...theme.typography.h5, margin: 0 }}>{title}</span>
    </div>
  );
}

function Head({ board, timeRange }: { board: BoardModel; timeRange: TimeRange }) {
  const theme = useTheme2();
  const time = (value: TimeRange['from']) => dateTimeFormat(value, { timeZone: 'utc', format: 'HH:mm:ss' });
  const chip = {
    ...theme.typography.bodySmall,
    display: 'inline-flex',
    alignItems: 'center',
    gap: 6,
    height: 28,
    padding: '0 8px',
    border: `1px solid ${theme.components.input.borderColor}`,
    borderRadius: theme.shape.radius.default,
    background: theme.components.input.background,
    color: theme.colors.text.primary,
  };
  const label = { color: theme.colors.text.secondary };
  return (
    <div style={{ display: 'flex', alignItems: 'center', gap: 8, marginBottom: GAP, flexWrap: 'wrap' }}>
      <span style={{ ...theme.typography.h4, margin: 0, marginRight: 8, color: theme.colors.text.primary }}>
        {board.title}
      </span>
      {board.templating.list.map((variable) => (
        <span key={variable.name} style={chip}>
          <span style={label}>{variable.label}</span>
          {variable.type === 'datasource' ? 'Prometheus' : 'All'}
          <Icon name="angle-down" size="sm" />
        </span>
      ))}
      <span style={{ flex: 1 }} />
      <span style={chip}>
        <Icon name="clock-nine" size="sm" />
        {time(timeRange.from)} to {time(timeRange.to)}
        <span style={{ color: theme.v1.palette.orange }}>UTC</span>
      </span>
      <span style={chip}>
        <Icon name="sync" size="sm" />
        {board.refresh}
      </span>
    </div>
  );
}

/** One mark where an annotation's query begins to have a value. */
function marksOf(board: BoardModel, recording: Recording, theme: GrafanaTheme2): Mark[] {
  return board.annotations.list.flatMap(({ iconColor, target }) => {
    const starts = answerTo(recording, target.expr).flatMap(({ values }) =>
      values.map(([second]) => second).filter((second, at, all) => at === 0 || second - all[at - 1] > recording.step)
    );
    const colour = theme.visualization.getColorByName(iconColor);
    return [...new Set(starts)].map((second) => ({ time: second * 1000, colour }));
  });
}
