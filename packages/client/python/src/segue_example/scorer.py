"""Serves a scorer of one's own: a segue.v1.RewardScorer that registers with the controller, again and again while it is there.

Its reward comes in parts: the share of the answer's characters that the response gets right from the left.
"""

import threading
import time
from collections.abc import Callable
from concurrent import futures

import grpc
from segue.v1 import common_pb2, controller_pb2_grpc, reward_pb2, reward_pb2_grpc, scorers_pb2

NAME = "prefix"


def judge(request: reward_pb2.ScoreRequest) -> tuple[float, str]:
    given = request.response.rpartition("#")[2].strip()
    same = 0
    for a, b in zip(given, request.answer):
        if a != b:
            break
        same += 1
    if not request.answer:
        raise ValueError("a problem of this scorer needs an answer")
    return same / len(request.answer), f"{same} of {len(request.answer)} characters"


class PrefixScorer(reward_pb2_grpc.RewardScorerServicer):
    def ListScorers(self, request, context):
        info = reward_pb2.ScorerInfo(name=NAME, description="Share of the answer that is right from the left.")
        return reward_pb2.ListScorersResponse(scorers=[info])

    def ScoreBatch(self, request, context):
        return reward_pb2.ScoreBatchResponse(scores=[self.score(one) for one in request.requests])

    @staticmethod
    def score(request: reward_pb2.ScoreRequest) -> common_pb2.Score:
        started = time.monotonic()
        score = common_pb2.Score(trajectory_id=request.id, scorer=request.scorer)
        try:
            score.reward, score.detail = judge(request)
            score.status = common_pb2.SCORE_STATUS_OK if score.reward > 0 else common_pb2.SCORE_STATUS_WRONG
        except Exception as error:  # A failure is told as one: the response is tried again, and never held to be wrong.
            score.ClearField("reward")
            score.status, score.detail = common_pb2.SCORE_STATUS_ERROR, str(error)
        score.duration_ms = (time.monotonic() - started) * 1000
        return score


def serve(channel: grpc.Channel, instance: str, stop: threading.Event, ready: Callable[[str], None]) -> None:
    """Until `stop`; leaves the cluster at the end. On loopback: elsewhere take grpc.ssl_server_credentials with the files of
    `segue certs create --scorer <instance>` and require_client_auth, and a port that the reward service reaches; and answer only
    whose certificate is the reward service's (context.auth_context()), since the authority signs for every client too."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    reward_pb2_grpc.add_RewardScorerServicer_to_server(PrefixScorer(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    controller = controller_pb2_grpc.ControllerStub(channel)
    registration = scorers_pb2.RegisterScorersRequest(instance=instance, address=address)
    try:
        answer = controller.RegisterScorers(registration, timeout=15)
        ready(address)
        while not stop.wait(min(5.0, answer.expires_after_ms / 3000)):
            try:
                controller.RegisterScorers(registration, timeout=5)
            except grpc.RpcError as error:
                print(f"not registered anew: {error.details()}", flush=True)
        controller.UnregisterScorers(scorers_pb2.UnregisterScorersRequest(instance=instance), timeout=5)
    finally:
        server.stop(grace=5).wait()
