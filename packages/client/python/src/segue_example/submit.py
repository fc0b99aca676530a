"""Submits the problems of a JSONL file as one batch, under an id made of its content: the same file is the same batch."""

import hashlib
import json
import pathlib
import time
from collections.abc import Iterator

import grpc
from segue.v1 import common_pb2, controller_pb2, controller_pb2_grpc

PURPOSES = {
    "train": common_pb2.PROBLEM_PURPOSE_TRAIN,
    "evaluation": common_pb2.PROBLEM_PURPOSE_EVALUATION,
    "warmup": common_pb2.PROBLEM_PURPOSE_WARMUP,
}
TRIES = 8
PATIENCE_S = 300


def problem_of(line: dict) -> common_pb2.Problem:
    problem = common_pb2.Problem(
        id=line.get("id", ""),
        purpose=PURPOSES[line.get("purpose", "train")],
        prompt=line["prompt"],
        answer=line.get("answer", ""),
        scorer=line["scorer"],
        tags=line.get("tags", []),
        metadata_json=json.dumps(line["metadata"]) if "metadata" in line else "",
        response=line.get("response", ""),
    )
    if "difficulty" in line:
        problem.difficulty = line["difficulty"]
    return problem


def requests(run: str, batch: str, text: str) -> Iterator[controller_pb2.SubmitProblemsRequest]:
    yield controller_pb2.SubmitProblemsRequest(header=controller_pb2.SubmitProblemsHeader(run_id=run, batch_id=batch))
    for line in filter(str.strip, text.splitlines()):
        yield controller_pb2.SubmitProblemsRequest(problem=problem_of(json.loads(line)))


def submit(channel: grpc.Channel, run: str, file: pathlib.Path) -> controller_pb2.SubmitProblemsResponse:
    """All or nothing. Tried again while the controller cannot be reached, and after the time that a busy one asks for,
    for PATIENCE_S altogether: a batch may have to wait for others."""
    stub = controller_pb2_grpc.ControllerStub(channel)
    text = file.read_text(encoding="utf-8")
    batch = f"file-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    ends_at = time.monotonic() + PATIENCE_S
    for attempt in range(TRIES):
        try:
            return stub.SubmitProblems(requests(run, batch, text), timeout=ends_at - time.monotonic())
        except grpc.RpcError as error:
            wait = pause_after(error, attempt)
            if wait is None or attempt == TRIES - 1 or time.monotonic() + wait >= ends_at:
                raise
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def pause_after(error: grpc.RpcError, attempt: int) -> float | None:
    """Seconds until the next try; None when another would bring the same."""
    asked = dict(error.trailing_metadata() or ()).get("grpc-retry-pushback-ms")
    if asked is not None:
        return float(asked) / 1000
    return min(2.0, 0.1 * 2**attempt) if error.code() == grpc.StatusCode.UNAVAILABLE else None
