"""Distils a BERT sentence encoder into a static model: one vector per token of its vocabulary, no training.

    python distill.py TEACHER_FOLDER OUT.rgm [--name NAME] [--dims 256] …

For every token t the teacher reads `[CLS] t [SEP]`. The output over [CLS] and over the token are mixed, the mixture is
centred, projected on its principal components (the strongest few left out, the rest partly evened out), and weighted by
the token's rank in the vocabulary, which is in order of frequency: common words get small vectors. Special and unused tokens
get zero. The same input gives the same file; its SHA-256 is printed.
"""

import argparse
import hashlib
from pathlib import Path

import model_file
import numpy as np
from teacher import Teacher

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def is_reserved(token):
    """Whether a vocabulary entry never stands for text: `[PAD]`, `[unused7]`…"""
    return len(token) > 2 and token.startswith("[") and token.endswith("]")


def token_outputs(teacher, batch=1024):
    """The teacher's last hidden states for `[CLS] t [SEP]`: over [CLS] and over t, each tokens × dims."""
    vocabulary = teacher.vocabulary
    cls, sep = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    over_cls, over_token = [], []
    for start in range(0, len(vocabulary), batch):
        ids = np.arange(start, min(start + batch, len(vocabulary)))
        inputs = np.stack([np.full_like(ids, cls), ids, np.full_like(ids, sep)], axis=1)
        *_, last = teacher.hidden_states(inputs)
        over_cls.append(last[:, 0])
        over_token.append(last[:, 1])
    return np.concatenate(over_cls), np.concatenate(over_token)


def project(vectors, kept, dims, dropped, evenness):
    """Principal components `dropped`… of `vectors`, fitted on the rows `kept`, each divided by its deviation to the power
    `evenness`: 0 leaves the spectrum as it is, 1 whitens."""
    centred = vectors - vectors[kept].mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(centred[kept].T))
    chosen = np.argsort(-variances, kind="stable")[dropped : dropped + dims]
    axes = axes[:, chosen]
    # An eigenvector's sign is arbitrary; the library's choice must not reach the file.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return centred @ axes / variances[chosen] ** (evenness / 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path, help="folder with config.json, vocab.txt and model.safetensors")
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="ragged-static-minilm-256")
    parser.add_argument("--dims", type=int, default=256)
    parser.add_argument("--cls", type=float, default=4.0, help="weight of the output over [CLS] against 1 for the token")
    parser.add_argument("--dropped", type=int, default=2, help="strongest principal components left out")
    parser.add_argument("--evenness", type=float, default=0.4, help="how far variances are evened out: 0 not, 1 whitened")
    parser.add_argument("--power", type=float, default=1.25, help="the weight of a token is log(1 + rank) ** power")
    args = parser.parse_args()

    teacher = Teacher(args.teacher)
    kept = np.array([not is_reserved(token) for token in teacher.vocabulary])
    over_cls, over_token = token_outputs(teacher)
    table = project(args.cls * over_cls + over_token, kept, args.dims, args.dropped, args.evenness)
    rank = np.cumsum(kept)
    table *= (np.log1p(rank) ** args.power)[:, None]
    table[~kept] = 0
    data = model_file.write(args.out, args.name, teacher.vocabulary, SPECIAL, "[UNK]", 100, table)
    print(f"{hashlib.sha256(data).hexdigest()}  {args.out.name}  {len(data)} bytes")


if __name__ == "__main__":
    main()
