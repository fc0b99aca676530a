"""`python -m segue_example submit|watch|score`: the example from the command line."""

import argparse
import json
import pathlib
import signal
import sys
import threading

import grpc

from .connection import add_flags, connect
from .scorer import NAME, serve
from .submit import submit
from .watch import watch


def main() -> int:
    parser = argparse.ArgumentParser(prog="segue_example", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("submit", "submit a JSONL file of problems to a run"),
        ("watch", "print the events of a run until it comes to rest"),
        ("score", f"serve the scorer {NAME} until Ctrl-C"),
    ):
        command = commands.add_parser(name, help=about)
        add_flags(command)
        if name != "score":
            command.add_argument("run")
        if name == "submit":
            command.add_argument("file", type=pathlib.Path)
        if name == "score":
            command.add_argument("--instance", default="python-1", help="name of this server, the same after a restart")
    flags = parser.parse_args()
    try:
        with connect(flags) as channel:
            if flags.command == "submit":
                answer = submit(channel, flags.run, flags.file)
                print(f"{answer.accepted} problems{', as they were before' if answer.repeated else ''}")
            elif flags.command == "watch":
                for kind, body in watch(channel, flags.run):
                    print(kind, json.dumps(body), flush=True)
            else:
                stop = threading.Event()
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: stop.set())
                serve(channel, flags.instance, stop, lambda address: print(f"{NAME} at {address}", flush=True))
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
