"""The teacher's vectors of all passages and questions.

    python teach.py TEACHER_FOLDER WORK

reads WORK/corpus.jsonl and writes WORK/passages.f16 and WORK/questions.f16: a row of 384 half-precision numbers of unit
length for each line, zero where there is no question. Texts of equal length go through the encoder together, so that none
is padded; products are in bfloat16 where the processor has instructions for it. What is done is noted in WORK/taught.txt,
and a run that was cut off goes on from there.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as op
from teacher import Teacher
from tokenizers import Tokenizer

MOST_TOKENS = 256
TOKENS_AT_ONCE = 4096
DIMS = 384


def encoder(teacher, threads):
    """The same network as `Teacher.hidden_states`, its last state averaged over the tokens, compiled for this processor."""
    weights = {name: tensor.astype(np.float32) for name, tensor in teacher.weights.items()}

    def norm(x, name):
        x = op.mvn(x, np.array([-1]), True, teacher.epsilon, "inside_sqrt")
        return op.add(op.multiply(x, weights[f"{name}.weight"]), weights[f"{name}.bias"])

    def linear(x, name):
        return op.add(op.matmul(x, weights[f"{name}.weight"], False, True), weights[f"{name}.bias"])

    def heads(x):
        x = op.reshape(x, np.array([0, 0, teacher.n_heads, DIMS // teacher.n_heads]), True)
        return op.transpose(x, np.array([0, 2, 1, 3]))

    ids = op.parameter([-1, -1], np.int64, "ids")
    positions = op.parameter([-1], np.int64, "positions")
    zero = np.int64(0)
    x = op.add(
        op.gather(weights["embeddings.word_embeddings.weight"], ids, zero),
        op.gather(weights["embeddings.position_embeddings.weight"], positions, zero),
    )
    x = norm(op.add(x, weights["embeddings.token_type_embeddings.weight"][0]), "embeddings.LayerNorm")
    for layer in range(teacher.n_layers):
        prefix = f"encoder.layer.{layer}"
        query, key, value = (
            heads(linear(x, f"{prefix}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        mixed = op.scaled_dot_product_attention(query, key, value)
        mixed = op.reshape(op.transpose(mixed, np.array([0, 2, 1, 3])), np.array([0, 0, DIMS]), True)
        x = norm(op.add(x, linear(mixed, f"{prefix}.attention.output.dense")), f"{prefix}.attention.output.LayerNorm")
        inner = op.gelu(linear(x, f"{prefix}.intermediate.dense"), "erf")
        x = norm(op.add(x, linear(inner, f"{prefix}.output.dense")), f"{prefix}.output.LayerNorm")
    pooled = op.reduce_mean(x, np.array([1]), False)
    model = ov.Model([op.normalize_l2(pooled, np.array([1]), 1e-12, "max")], [ids, positions])
    return ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads})


def batches(lengths):
    """Rows of equal length, as many as fit, the long ones first."""
    order = np.lexsort((np.arange(len(lengths)), -lengths))
    start = 0
    while start < len(order):
        length = lengths[order[start]]
        if length == 0:
            return
        end = start
        while end < len(order) and lengths[order[end]] == length and (end - start) * length < TOKENS_AT_ONCE:
            end += 1
        yield order[start:end]
        start = end


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    compiled = encoder(Teacher(args.teacher, np.float32), args.threads)
    tokenizer = Tokenizer.from_file(str(args.teacher / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    lines = [json.loads(line) for line in (args.work / "corpus.jsonl").open(encoding="utf-8")]
    progress = args.work / "taught.txt"
    done = dict(line.split() for line in progress.read_text().splitlines()) if progress.exists() else {}
    for part in ("question", "passage"):
        ids = [tokenizer.encode(line[part]).ids if line[part] else [] for line in lines]
        lengths = np.array([len(row) for row in ids])
        path = args.work / f"{part}s.f16"
        taught = int(done.get(part, 0))
        mode = "r+" if taught and path.exists() else "w+"
        out = np.memmap(path, np.float16, mode, shape=(len(lines), DIMS))
        groups = list(batches(lengths))
        total, passed, begun, noted = lengths.sum(), 0, time.monotonic(), time.monotonic()
        for number, rows in enumerate(groups):
            passed += lengths[rows].sum()
            if number < taught:
                continue
            length = lengths[rows[0]]
            inputs = [np.array([ids[row] for row in rows], np.int64), np.arange(length, dtype=np.int64)]
            out[rows] = compiled(inputs)[0]
            if time.monotonic() - noted > 30 or number + 1 == len(groups):
                noted = time.monotonic()
                out.flush()
                done[part] = str(number + 1)
                progress.write_text("".join(f"{key} {value}\n" for key, value in done.items()))
                print(f"{part}s: {passed / total:.1%} of {total} tokens after {noted - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
