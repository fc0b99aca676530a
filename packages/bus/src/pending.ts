import type { Server } from '@grpc/grpc-js';
import type { ActorApi, ControllerApi, ReplayApi, RewardApi, TrainerApi } from '@segue/core';
import type { ApiShape, Client, Handlers } from './rpc/call.js';
import type { Bus, BusOptions } from './stream/bus.js';

export interface Contract<Api extends ApiShape<Api>> {
  readonly name: string;
  readonly methods: { readonly [K in keyof Api]: object };
}
export interface ConnectOptions {
  readonly maxMessageBytes?: number | undefined;
}
export declare const replayContract: Contract<ReplayApi>;
export declare const controllerContract: Contract<ControllerApi>;
export declare const actorContract: Contract<ActorApi>;
export declare const trainerContract: Contract<TrainerApi>;
export declare const rewardContract: Contract<RewardApi>;
export declare function connectReplay(address: string, options?: ConnectOptions): Client<ReplayApi>;
export declare function connectController(address: string, options?: ConnectOptions): Client<ControllerApi>;
export declare function connectActor(address: string, options?: ConnectOptions): Client<ActorApi>;
export declare function connectTrainer(address: string, options?: ConnectOptions): Client<TrainerApi>;
export declare function connectReward(address: string, options?: ConnectOptions): Client<RewardApi>;
export declare function addService<Api extends ApiShape<Api>>(
  server: Server,
  contract: Contract<Api>,
  handlers: Handlers<Api>,
): void;
export declare function connectBus(options: BusOptions): Promise<Bus>;
