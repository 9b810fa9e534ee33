/**
 * The field configuration of a panel, applied as Grafana applies it.
 *
 * `applyFieldOverrides` is Grafana's own. It reads which properties there are from a registry, which
 * in Grafana the panel plugins fill; they are part of the server, so the registry is filled here.
 */
import {
  DataFrame,
  FieldConfigOptionsRegistry,
  FieldConfigPropertyItem,
  FieldConfigSource,
  GrafanaTheme2,
  applyFieldOverrides,
} from '@grafana/data';

const STANDARD = [
  'unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue', 'links', 'fieldMinMax',
];
/** What a panel of time series lets its fields say. */
const CUSTOM = [
  'drawStyle', 'lineInterpolation', 'lineWidth', 'lineStyle', 'fillOpacity', 'gradientMode', 'fillBelowTo', 'showPoints',
  'pointSize', 'spanNulls', 'insertNulls', 'stacking', 'thresholdsStyle', 'hideFrom', 'axisPlacement', 'axisLabel',
  'axisWidth', 'axisSoftMin', 'axisSoftMax', 'axisGridShow', 'axisBorderShow', 'axisCenteredZero', 'axisColorMode',
  'scaleDistribution', 'barAlignment', 'barWidthFactor', 'transform',
];

function item(path: string, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id: isCustom ? `custom.${path}` : path,
    path,
    name: path,
    isCustom,
    process: (value) => value,
    shouldApply: () => true,
    override: () => null,
    editor: () => null,
  };
}

const registry = new FieldConfigOptionsRegistry(() => [
  ...STANDARD.map((path) => item(path, false)),
  ...CUSTOM.map((path) => item(path, true)),
]);

/** What the boards do not say: Grafana's own defaults for a panel of time series. */
const DEFAULTS = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  gradientMode: 'none',
  pointSize: 5,
  axisPlacement: 'auto',
  axisGridShow: true,
  spanNulls: false,
};

/** Grafana stores a threshold without a lower bound as `null`, since JSON has no infinity. */
export function configOf(source: FieldConfigSource, isGraph: boolean): FieldConfigSource {
  const steps = source.defaults.thresholds?.steps.map((step) => ({
    ...step,
    value: step.value ?? -Infinity,
  }));
  return {
    defaults: {
      ...source.defaults,
      ...(steps && { thresholds: { ...source.defaults.thresholds!, steps } }),
      ...(isGraph && { custom: { ...DEFAULTS, ...source.defaults.custom } }),
    },
    overrides: source.overrides,
  };
}

export function configured(data: DataFrame[], fieldConfig: FieldConfigSource, theme: GrafanaTheme2): DataFrame[] {
  return applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}
