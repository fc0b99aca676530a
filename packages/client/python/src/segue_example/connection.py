"""A channel to the controller: plain on one's own machine, else with certificates (segue certs) and a token (segue tokens)."""

import argparse
import pathlib

import grpc


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("controller", help="host:port, as `segue up` prints it")
    parser.add_argument("--ca", type=pathlib.Path, help="PEM file of the cluster's authority")
    parser.add_argument("--cert", type=pathlib.Path, help="PEM file of your certificate")
    parser.add_argument("--key", type=pathlib.Path, help="PEM file of its key")
    parser.add_argument("--token-file", type=pathlib.Path, help="file of your token")


def connect(flags: argparse.Namespace) -> grpc.Channel:
    if flags.ca is None:
        return grpc.insecure_channel(flags.controller)
    ca, cert, key = (path.read_bytes() for path in (flags.ca, flags.cert, flags.key))
    credentials = grpc.ssl_channel_credentials(ca, key, cert)
    if flags.token_file is not None:
        token = grpc.access_token_call_credentials(flags.token_file.read_text().strip())
        credentials = grpc.composite_channel_credentials(credentials, token)
    return grpc.secure_channel(flags.controller, credentials)
