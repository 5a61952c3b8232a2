"""Run llama.cpp's own server: ``python llama_server.py MODEL.gguf CONTEXT [EYE.gguf | --embeds]``.

It prints its address once it listens, and ends when its standard input is closed: with the process that started it.
"""

from __future__ import annotations

import sys

import xllamacpp


def main(model: str, context: str, eye: str = "") -> None:
    params = xllamacpp.CommonParams()
    params.model.path = model
    if eye == "--embeds":
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    else:
        params.mmproj.path = eye
    params.n_ctx = int(context)
    params.n_parallel = 2
    params.kv_unified = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cpuparams.n_threads = 1
    params.model_alias = {"tiny"}
    params.ui = False
    params.offline = True
    params.endpoint_slots = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
