"""Writes the stubs of the protos into src/segue/v1 again: `python generate.py` in this folder.

The committed ones were made with grpcio-tools 1.85.1 (pip install grpcio-tools==1.85.1). They need grpcio and protobuf of that
version or newer; for older ones, run this with an older grpcio-tools. With --out FOLDER they go there.
"""

import argparse
import pathlib

import grpc_tools
from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
PROTOS = HERE.parents[2] / "protos"
# What the example calls and serves, and what these import.
NAMES = ("common", "controller", "reward", "scorers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "src")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    flags = [f"-I{PROTOS}", f"-I{well_known}", f"--python_out={out}", f"--grpc_python_out={out}"]
    if protoc.main(["protoc", *flags, *(f"segue/v1/{name}.proto" for name in NAMES)]) != 0:
        raise SystemExit("the stubs could not be made; the lines above say why")


if __name__ == "__main__":
    main()
