/** Settings that every channel and every server share. */
import { type ChannelOptions, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

// The library's own lines on stderr would stand between our JSON lines, and what they say reaches callers as errors.
if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);

/** Largest gRPC message unless configured: a group of long responses fits. */
export const defaultMaxMessageBytes = 8 * 1024 * 1024;

/**
 * What a server may send ahead in each call, in bytes: a client that does not read holds so much for each of its streams, and its other calls go on. With HTTP/2's own 64 KiB a server
 * whose messages are a few KiB waits for its reader after each few of them. A client may send as much ahead in all its calls together (listen.ts).
 */
export const windowBytes = 1024 * 1024;

/** A peer that is gone without a word is noticed within half a minute, and looked for again at most two seconds apart. */
export function channelOptions(maxMessageBytes = defaultMaxMessageBytes): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc-node.flow_control_window': windowBytes,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    // Peers are inside the cluster: neither a web proxy nor a name server's service configuration has a say.
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // Retries are ours (retry.ts): two layers would multiply.
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  };
}
