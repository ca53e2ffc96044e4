"""Trains the student: one vector for each token, a text's vector being the sum of its tokens'.

    python train.py TEACHER_FOLDER WORK RUN [--from RUN] [--stage rank] [--epochs 6] …

reads the corpus, the teacher's vectors and the vocabulary in WORK, and writes WORK/runs/RUN/table.npy, options.json and
log.txt. Two stages, each of which may be a run of its own:

    regress   the student's vector of a text is brought towards the teacher's, projected on its principal components
              (Tokenlearn, Tulkens and van Dongen 2024)
    rank      among the passages of a batch, 64 each of which are near one another, the student gives each question the
              distribution that the teacher gives, mixed with the passage that belongs to it (cross-entropy, both ways)

The loss is differentiated by hand; there is no framework. A run that was cut off goes on from its last epoch. The seed and
the number of threads do not change while it runs, so the same input gives the same table on the same machine.
"""

import argparse
import json
import time
from pathlib import Path

import distill
import numpy as np
import scipy.sparse as sparse
from evaluate import RetrievalSet, embed, recall, token_counts
from teacher import Teacher

DIMS = 256
SEED = 20261126
NEAR = 64
"""So many passages of one cluster stand together in a batch."""
BETAS = (0.9, 0.999)


class Adam:
    """Adam (Kingma and Ba 2015) on the rows that a batch touches; the others wait."""

    def __init__(self, table):
        self.table = table
        self.first = np.zeros_like(table)
        self.second = np.zeros_like(table)
        self.steps = 0

    def step(self, rows, gradient, rate):
        self.steps += 1
        first = self.first[rows] * BETAS[0] + (1 - BETAS[0]) * gradient
        second = self.second[rows] * BETAS[1] + (1 - BETAS[1]) * gradient * gradient
        self.first[rows], self.second[rows] = first, second
        first = first / (1 - BETAS[0] ** self.steps)
        second = second / (1 - BETAS[1] ** self.steps)
        self.table[rows] -= rate * first / (np.sqrt(second) + 1e-9)


def unit(rows):
    """Rows of unit length, and their lengths."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths, lengths


def back_through_unit(gradient, units, lengths):
    return (gradient - (gradient * units).sum(1, keepdims=True) * units) / lengths


def softmax(scores):
    scores = np.exp(scores - scores.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True)


def cross_entropy(scores, target):
    """Mean over rows, and its gradient."""
    guess = softmax(scores)
    n = len(scores)
    return -(target * np.log(guess + 1e-12)).sum() / n, (guess - target) / n


def clusters(vectors, n, rng, rounds=8):
    """The nearest of `n` centres for each vector (spherical k-means on a sample)."""
    sample = vectors[rng.choice(len(vectors), min(len(vectors), 60_000), replace=False)].astype(np.float32)
    centres = sample[rng.choice(len(sample), n, replace=False)]
    for _ in range(rounds):
        nearest = (sample @ centres.T).argmax(1)
        sums = sparse.csr_matrix((np.ones(len(sample), np.float32), (nearest, np.arange(len(sample)))), (n, len(sample)))
        centres, _ = unit(sums @ sample)
    return np.concatenate(
        [(vectors[at : at + 20_000].astype(np.float32) @ centres.T).argmax(1) for at in range(0, len(vectors), 20_000)]
    )


def projection(sample, dropped, evenness):
    """Onto principal axes without the strongest: these tell little apart."""
    centre, axes = (part.astype(np.float32) for part in distill.principal_axes(sample, DIMS, dropped, evenness))
    return lambda vectors: (vectors - centre) @ axes


def order_of_epoch(cluster, rows, batch, near, rng):
    """Rows in batches; `near` of those in each are of one cluster."""
    rows = rng.permutation(rows)
    if near <= 1:
        chunks = np.array_split(rows, max(1, len(rows) // batch))
        return [chunk for chunk in chunks if len(chunk) > 1]
    rows = rows[np.argsort(cluster[rows], kind="stable")]
    chunks = [rows[at : at + near] for at in range(0, len(rows), near)]
    rng.shuffle(chunks)
    per_batch = batch // near
    return [np.concatenate(chunks[at : at + per_batch]) for at in range(0, len(chunks) - per_batch + 1, per_batch)]


def regress(adam, counts, targets, rate):
    """One step towards the teacher's vectors; returns 1 − the mean cosine."""
    sums = counts @ adam.table
    units, lengths = unit(sums)
    gradient = back_through_unit(-targets / len(targets), units, lengths)
    apply(adam, counts, gradient, rate)
    return 1 - (units * targets).sum() / len(targets)


def apply(adam, counts, gradient, rate):
    rows = np.unique(counts.indices)
    adam.step(rows, (counts.T @ gradient)[rows], rate)


def rank(adam, asked, told, taught_asked, taught_told, options, rate):
    """One step towards the teacher's ranking of a batch."""
    n = asked.shape[0]
    counts = sparse.vstack([asked, told], format="csr")
    units, lengths = unit(counts @ adam.table)
    questions, passages = units[:n], units[n:]
    taught = taught_asked @ taught_told.T / options.heat
    own = options.own * np.eye(n, dtype=np.float32)
    scores = questions @ passages.T * options.sharpness
    loss, by_row = cross_entropy(scores, own + (1 - options.own) * softmax(taught))
    loss_back, by_column = cross_entropy(scores.T, own + (1 - options.own) * softmax(taught.T))
    of_scores = (by_row + by_column.T) * options.sharpness / 2
    gradient = np.concatenate([of_scores @ passages, of_scores.T @ questions])
    if options.among > 0:
        # Passages among themselves, each but itself.
        away = np.float32(-1e4) * np.eye(n, dtype=np.float32)
        scores = passages @ passages.T * options.sharpness + away
        also, by_row = cross_entropy(scores, softmax(taught_told @ taught_told.T / options.heat + away))
        gradient[n:] += options.among * options.sharpness * (by_row + by_row.T) @ passages
        loss += options.among * also
    apply(adam, counts, back_through_unit(gradient, units, lengths), rate)
    return (loss + loss_back) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("run")
    parser.add_argument("--from", dest="origin", help="the run whose table this one begins with; else the plain distillation")
    parser.add_argument("--stage", choices=("regress", "rank"), default="rank")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--near", type=int, default=NEAR)
    parser.add_argument("--rate", type=float, default=1e-3, help="the first; falls to zero in a line")
    parser.add_argument("--heat", type=float, default=0.05, help="of the teacher's cosines")
    parser.add_argument("--sharpness", type=float, default=20.0, help="of the student's")
    parser.add_argument("--own", type=float, default=0.5, help="weight of the passage that belongs to the question")
    parser.add_argument("--among", type=float, default=1.0, help="weight of passages among themselves")
    parser.add_argument("--dropped", type=int, default=2, help="strongest axes of the teacher's vectors that are left out")
    parser.add_argument("--evenness", type=float, default=0.7, help="how far their variances are evened out: 0 not, 1 whitened")
    parser.add_argument("--limit", type=int, default=0, help="lines of the corpus; 0 for all")
    parser.add_argument("--sets", type=Path, nargs="*", default=(), help="retrieval sets to score each epoch on")
    options = parser.parse_args()
    folder = options.work / "runs" / options.run
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.json").write_text(json.dumps(vars(options), default=str, indent=1) + "\n")
    log = (folder / "log.txt").open("a")

    def tell(*words):
        print(*words, flush=True)
        print(*words, file=log, flush=True)

    vocabulary = json.loads((options.work / "vocabulary.json").read_text())
    lines = [json.loads(line) for line in (options.work / "corpus.jsonl").open(encoding="utf-8")]
    asked = cached_counts(options.work, "questions", vocabulary, [line["question"] for line in lines])
    told = cached_counts(options.work, "passages", vocabulary, [line["passage"] for line in lines])
    taught = {
        name: np.memmap(options.work / f"{name}.f16", np.float16, "r", shape=(len(lines), 384)) for name in ("questions", "passages")
    }
    rng = np.random.default_rng(SEED)
    usable = np.flatnonzero((np.diff(told.indptr) > 0) & (np.diff(asked.indptr) > 0))
    if options.limit:
        usable = usable[: options.limit]
    checkpoint = folder / "checkpoint.npz"
    begun = 0
    if checkpoint.exists():
        saved = np.load(checkpoint)
        adam = Adam(saved["table"])
        adam.first, adam.second, adam.steps = saved["first"], saved["second"], int(saved["steps"])
        begun = int(saved["epoch"])
    elif options.origin:
        adam = Adam(np.load(options.work / "runs" / options.origin / "table.npy"))
    else:
        start = options.work / "initial.npy"
        if not start.exists():
            np.save(start, distill.initial_table(Teacher(options.teacher), vocabulary, DIMS))
        adam = Adam(np.load(start))
    sets = [Scored(path, vocabulary) for path in options.sets]
    tell("epoch 0", *(scored.line(adam.table) for scored in sets))
    if options.stage == "rank":
        cluster = clusters(taught["passages"], max(2, len(lines) // 512), rng)
    else:
        sample = taught["passages"][rng.choice(usable, min(len(usable), 100_000), replace=False)]
        project = projection(sample.astype(np.float64), options.dropped, options.evenness)
    for epoch in range(begun, options.epochs):
        rng = np.random.default_rng([SEED, epoch])
        started, losses = time.monotonic(), []
        near = options.near if options.stage == "rank" else 1
        batches = order_of_epoch(cluster if near > 1 else None, usable, options.batch, near, rng)
        for number, rows in enumerate(batches):
            passed = (epoch + number / len(batches)) / options.epochs
            rate = options.rate * (1 - passed)
            if options.stage == "rank":
                vectors = (taught["questions"][rows].astype(np.float32), taught["passages"][rows].astype(np.float32))
                losses.append(rank(adam, asked[rows], told[rows], *vectors, options, rate))
            else:
                for counts, name in ((asked, "questions"), (told, "passages")):
                    targets, _ = unit(project(taught[name][rows].astype(np.float32)))
                    losses.append(regress(adam, counts[rows], targets, rate))
        written = folder / "checkpoint.tmp.npz"
        np.savez(written, table=adam.table, first=adam.first, second=adam.second, steps=adam.steps, epoch=epoch + 1)
        written.rename(checkpoint)
        took = time.monotonic() - started
        tell(f"epoch {epoch + 1} loss {np.mean(losses):.4f} {took:.0f} s", *(scored.line(adam.table) for scored in sets))
    np.save(folder / "table.npy", adam.table)
    checkpoint.unlink(missing_ok=True)


class Scored:
    """A retrieval set that runs are watched on; never trained on."""

    def __init__(self, path, vocabulary):
        self.set = RetrievalSet(path)
        self.documents = token_counts(vocabulary, self.set.documents)
        self.queries = token_counts(vocabulary, self.set.queries)

    def line(self, table):
        table = table.astype(np.float64)
        vectors = embed(self.queries, table) @ embed(self.documents, table).T
        mixed = self.set.mix(vectors, 0.3)
        return f"{self.set.name} {self.set.ndcg(vectors):.3f} {self.set.ndcg(mixed):.3f}/{recall(self.set, mixed):.3f}"


def cached_counts(work, name, vocabulary, texts):
    """Token counts of all texts, kept beside the vocabulary they are of."""
    path = work / f"{name}-{len(vocabulary)}.npz"
    if path.exists() and path.stat().st_mtime > (work / "vocabulary.json").stat().st_mtime:
        return sparse.load_npz(path)
    counts = token_counts(vocabulary, texts).astype(np.float32)
    sparse.save_npz(path, counts, compressed=False)
    return counts


if __name__ == "__main__":
    main()
