// Original file: protos/segue/v1/tables.proto

import type { TableItem as _segue_v1_TableItem, TableItem__Output as _segue_v1_TableItem__Output } from '../../segue/v1/TableItem.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from '../../segue/v1/Trajectory.js';
import type { CompleteGroup as _segue_v1_CompleteGroup, CompleteGroup__Output as _segue_v1_CompleteGroup__Output } from '../../segue/v1/CompleteGroup.js';

export interface SampledItem {
  'item'?: (_segue_v1_TableItem | null);
  /**
   * Of this draw, among `table_size` items: its weight over the sum of all weights; 1 where chance has no part (fifo, lifo, heaps).
   * Both count what the table held at that moment, with items whose trajectory or group is begun again and that no draw has met yet; those are never handed out.
   */
  'probability'?: (number | string);
  'tableSize'?: (number);
  /**
   * This draw was the last that the item was good for.
   */
  'removed'?: (boolean);
  /**
   * With `with_data`, one of the two.
   */
  'trajectory'?: (_segue_v1_Trajectory | null);
  'group'?: (_segue_v1_CompleteGroup | null);
  '_trajectory'?: "trajectory";
  '_group'?: "group";
}

export interface SampledItem__Output {
  'item': (_segue_v1_TableItem__Output | null);
  /**
   * Of this draw, among `table_size` items: its weight over the sum of all weights; 1 where chance has no part (fifo, lifo, heaps).
   * Both count what the table held at that moment, with items whose trajectory or group is begun again and that no draw has met yet; those are never handed out.
   */
  'probability': (number);
  'tableSize': (number);
  /**
   * This draw was the last that the item was good for.
   */
  'removed': (boolean);
  /**
   * With `with_data`, one of the two.
   */
  'trajectory'?: (_segue_v1_Trajectory__Output | null);
  'group'?: (_segue_v1_CompleteGroup__Output | null);
  '_trajectory'?: "trajectory";
  '_group'?: "group";
}
