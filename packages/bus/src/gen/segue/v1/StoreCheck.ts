// Original file: protos/segue/v1/keeping.proto

import type { StoreDamage as _segue_v1_StoreDamage, StoreDamage__Output as _segue_v1_StoreDamage__Output } from '../../segue/v1/StoreDamage.js';
import type { Long } from '@grpc/proto-loader';

export interface StoreCheck {
  /**
   * Records looked at so far.
   */
  'records'?: (number | string | Long);
  /**
   * Absent: only how far it has come.
   */
  'damage'?: (_segue_v1_StoreDamage | null);
  '_damage'?: "damage";
}

export interface StoreCheck__Output {
  /**
   * Records looked at so far.
   */
  'records': (number);
  /**
   * Absent: only how far it has come.
   */
  'damage'?: (_segue_v1_StoreDamage__Output | null);
  '_damage'?: "damage";
}
