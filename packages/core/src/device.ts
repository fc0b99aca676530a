/**
 * The device that training and rollout take turns on: who has it, and who may take it. And what an engine that lives in a process of its own is
 * told by the agent that owns the process. Pure: how a lease is kept and how a process is started is elsewhere.
 */

/** Whose turn it is on a device. */
export interface DeviceLease {
  readonly device: string;
  /** Id of the service whose engine may use it; empty while it is nobody's. */
  readonly holder: string;
  /** Grows whenever the device changes hands: who was given an older one has lost it. */
  readonly epoch: number;
  /** Its holder is about to give it back: who is next may make ready. */
  readonly ending: boolean;
}

/**
 * Whether `me` may take the device.
 * @param lease what is kept of the device; null before its first use
 * @param unchangedMs how long this process has seen the lease without a renewal, by a clock that does not jump
 * @param leaseMs after which a lease that is not renewed is over
 */
export function mayTakeDevice(lease: DeviceLease | null, me: string, unchangedMs: number, leaseMs: number): boolean {
  // A process that was started again finds its own lease: its engine has ended with the one before.
  return lease === null || lease.holder === '' || lease.holder === me || unchangedMs >= leaseMs;
}

/** The lease after `me` took it. */
export function takenDevice(lease: DeviceLease | null, device: string, me: string): DeviceLease {
  return { device, holder: me, epoch: (lease?.epoch ?? 0) + 1, ending: false };
}

/** The way to an engine's process: one call, one answer, in any order. Calls fail with UNAVAILABLE once the process has ended. */
export interface ProcessPort {
  /** @param call a message that the process knows; typed arrays travel as they are */
  call(call: object): Promise<unknown>;
}

/** What every engine's process understands, whatever engine is in it: from now on the device is its own, until it ends. */
export interface TakeDeviceCall {
  readonly name: 'take';
  readonly device: string;
  readonly epoch: number;
  /** How long to wait for the process that had it to end, in ms. */
  readonly waitMs: number;
}

/** How a call of `ProcessPort` travels, and its answer. */
export interface ProcessCallMessage {
  readonly id: number;
  readonly call: object;
}
export type ProcessReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly code: string; readonly message: string };
