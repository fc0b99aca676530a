/** What all dashboards have in common: the data source that is chosen on them, links to each other, how often they look. */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { addRow, type RowText } from './panel.js';

const tag = 'segue';

export interface BoardText {
  /** Part of its address in Grafana, which must never change. */
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  readonly rows: readonly RowText[];
}

export function makeBoard({ uid, title, about, rows }: BoardText): DashboardBuilder {
  const board = new DashboardBuilder(title)
    .uid(uid)
    .description(about)
    .tags([tag])
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .link(
      new DashboardLinkBuilder('Segue').type(DashboardLinkType.Dashboards).tags([tag]).keepTime(true).includeVars(true),
    );
  let id = 1;
  for (const row of rows) id = addRow(board, row, id);
  return board;
}
