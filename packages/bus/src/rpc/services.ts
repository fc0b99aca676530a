/** The typed clients by name. */
import type { ActorApi, ControllerApi, ReplayApi, RewardApi, ScorerListApi, TablesApi, TrainerApi } from '@segue/core';
import { actorContract } from '../contracts/actor.js';
import { controllerContract } from '../contracts/controller.js';
import { replayContract } from '../contracts/replay.js';
import { rewardContract, scorerListContract } from '../contracts/reward.js';
import { tablesContract } from '../contracts/tables.js';
import { trainerContract } from '../contracts/trainer.js';
import type { Client } from './call.js';
import { type ConnectOptions, connect } from './client.js';

/** @param address host:port */
export function connectController(address: string, options?: ConnectOptions): Client<ControllerApi> {
  return connect(controllerContract, address, options);
}

export function connectActor(address: string, options?: ConnectOptions): Client<ActorApi> {
  return connect(actorContract, address, options);
}

export function connectTrainer(address: string, options?: ConnectOptions): Client<TrainerApi> {
  return connect(trainerContract, address, options);
}

export function connectReward(address: string, options?: ConnectOptions): Client<RewardApi> {
  return connect(rewardContract, address, options);
}

/** The reward service keeps its list of scorers at the same address. */
export function connectScorerList(address: string, options?: ConnectOptions): Client<ScorerListApi> {
  return connect(scorerListContract, address, options);
}

export function connectReplay(address: string, options?: ConnectOptions): Client<ReplayApi> {
  return connect(replayContract, address, options);
}

/** The replay store serves its tables at the same address. */
export function connectTables(address: string, options?: ConnectOptions): Client<TablesApi> {
  return connect(tablesContract, address, options);
}
