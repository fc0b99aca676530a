"""Watches a run from its first event to its rest, and goes on after a lost connection where it was."""

import json
import time
from collections.abc import Iterator

import grpc
from segue.v1 import controller_pb2, controller_pb2_grpc

LONGEST_ABSENCE_S = 60


def watch(channel: grpc.Channel, run: str) -> Iterator[tuple[str, dict]]:
    """Kinds and bodies of events; packages/core/src/events.ts documents each. Kinds that are newer than this come as they are."""
    stub = controller_pb2_grpc.ControllerStub(channel)
    after, lost_at = 0, None
    while True:
        try:
            for event in stub.WatchRun(
                controller_pb2.WatchRunRequest(run_id=run, from_start=after == 0, after_sequence=after)
            ):
                lost_at = None
                if event.sequence > after:
                    after = event.sequence
                    yield event.kind, json.loads(event.body_json)
            return
        except grpc.RpcError as error:
            lost_at = lost_at or time.monotonic()
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() - lost_at > LONGEST_ABSENCE_S:
                raise
            time.sleep(0.3)
