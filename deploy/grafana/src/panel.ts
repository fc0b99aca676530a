/**
 * The few kinds of panel that Segue's dashboards are made of: lines over time, and one number. Each says what it shows and what to make of it. It knows
 * nothing of any metric.
 */
import {
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DashboardBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as LinesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** How Grafana prints a value. */
export type PanelUnit = 'short' | 's' | 'bytes' | 'percentunit' | 'none' | 'ops';

/** PromQL by the name of its line; `{{label}}` stands for a label's value. */
export type Queries = Readonly<Record<string, string>>;

export interface PanelText {
  readonly title: string;
  /** What it shows and what is usual, for whoever looks at three in the morning. */
  readonly about: string;
  readonly unit: PanelUnit;
  readonly queries: Queries;
}

export interface LinesText extends PanelText {
  /** One on top of the other: the parts of a whole. */
  readonly stacked?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** The data source that the person has chosen on the dashboard. */
export const chosenSource = { type: 'prometheus', uid: '$datasource' } as const;

const columns = 24;
const linesWidth = columns / 3;
const linesHeight = 8;
const numberHeight = 4;

export interface RowText {
  readonly title: string;
  readonly numbers?: readonly PanelText[];
  readonly lines?: readonly LinesText[];
}

/** Adds a row with its panels, as many beside each other as fit. @param firstId of its panels; answers the id of the next row's first */
export function addRow(
  dashboard: DashboardBuilder,
  { title, numbers = [], lines = [] }: RowText,
  firstId: number,
): number {
  let id = firstId;
  dashboard.withRow(new RowBuilder(title).id(id++));
  const numberWidth = Math.max(3, Math.floor(columns / Math.max(1, numbers.length)));
  for (const text of numbers) {
    dashboard.withPanel(numberPanel(text).id(id++).height(numberHeight).span(numberWidth));
  }
  for (const text of lines) dashboard.withPanel(linesPanel(text).id(id++).height(linesHeight).span(linesWidth));
  return id;
}

function linesPanel({ title, about, unit, queries, stacked = false, min, max }: LinesText): LinesBuilder {
  const panel = new LinesBuilder()
    .title(title)
    .description(about)
    .datasource(chosenSource)
    .unit(unit)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 5)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (stacked) panel.stacking({ build: () => ({ mode: StackingMode.Normal, group: 'A' }) });
  if (min !== undefined) panel.min(min);
  if (max !== undefined) panel.max(max);
  for (const query of queriesOf(queries)) panel.withTarget(query.range());
  return panel;
}

function numberPanel({ title, about, unit, queries }: PanelText): StatBuilder {
  const panel = new StatBuilder()
    .title(title)
    .description(about)
    .datasource(chosenSource)
    .unit(unit)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'blue' }]));
  for (const query of queriesOf(queries)) panel.withTarget(query.range());
  return panel;
}

function queriesOf(queries: Queries): DataqueryBuilder[] {
  return Object.entries(queries).map(([legend, expr], i) =>
    new DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode('A'.charCodeAt(0) + i))
      .datasource(chosenSource),
  );
}
