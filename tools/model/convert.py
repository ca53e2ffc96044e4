"""Writes the model file of a run, and vectors for the program to be checked with.

    python convert.py WORK RUN MODELS_FOLDER TESTDATA_FOLDER [--name NAME]

writes MODELS_FOLDER/static-minilm-256.rgm, and in TESTDATA_FOLDER `static.json` (texts) and `static.bin` (float32,
little-endian, a row a text): the vectors that this Python makes of the file, which the program must make too.
"""

import argparse
import hashlib
import json
from pathlib import Path

import model_file
import numpy as np
from evaluate import embed, token_counts
from texts import TEXTS
from vocabulary import SPECIAL

UNKNOWN = "[UNK]"
LONGEST_WORD = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("run")
    parser.add_argument("models", type=Path)
    parser.add_argument("testdata", type=Path)
    parser.add_argument("--blend", nargs=2, metavar=("RUN", "SHARE"), help="mix in the table of the run that RUN began with")
    parser.add_argument("--name", default="ragged-static-256")
    args = parser.parse_args()
    vocabulary = json.loads((args.work / "vocabulary.json").read_text())
    table = np.load(args.work / "runs" / args.run / "table.npy").astype(np.float64)
    if args.blend:
        share = float(args.blend[1])
        table = (1 - share) * table + share * np.load(args.work / "runs" / args.blend[0] / "table.npy").astype(np.float64)
    table[[vocabulary.index(token) for token in SPECIAL]] = 0
    path = args.models / "static-minilm-256.rgm"
    data = model_file.write(path, args.name, vocabulary, SPECIAL, UNKNOWN, LONGEST_WORD, table)
    vocabulary, table = model_file.read(path)
    vectors = embed(token_counts(vocabulary, TEXTS), table).astype("<f4")
    about = {"model": hashlib.sha256(data).hexdigest(), "dims": table.shape[1], "texts": TEXTS}
    (args.testdata / "static.json").write_text(json.dumps(about, ensure_ascii=True, indent=1) + "\n")
    (args.testdata / "static.bin").write_bytes(vectors.tobytes())
    print(f"{hashlib.sha256(data).hexdigest()}  {path.name}  {len(data)} bytes, {len(vocabulary)} tokens")


if __name__ == "__main__":
    main()
