import type { Bus, BusOptions } from './stream/bus.js';
export declare function connectBus(options: BusOptions): Promise<Bus>;
