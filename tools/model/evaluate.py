"""Scores a static model on retrieval sets in BEIR layout: vectors alone, and mixed with BM25.

    python evaluate.py MODEL.rgm FOLDER...

prints one line per set: nDCG@10 of BM25, of the vectors, and of the convex mixes of both sides' scores, each min-max
normalised over the side's top 100.
"""

import csv
import json
import re
import sys
from pathlib import Path

import model_file
import numpy as np
import scipy.sparse as sparse
import snowballstemmer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from vocabulary import SPECIAL

STOP_WORDS = frozenset(
    """a about above after again against all am an and any are as at be because been before being below between both but by
    can did do does doing down during each few for from further had has have having he her here hers herself him himself his
    how i if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours
    ourselves out over own same she should so some such than that the their theirs them themselves then there these they this
    those through to too under until up very was we were what when where which while who whom why will with you your yours
    yourself yourselves""".split()
)
WORD = re.compile(r"[^\W_]+")
K1, B = 1.2, 0.75
TOP = 100


class RetrievalSet:
    """Documents, queries and judgements of one folder, with BM25 scores of every query on every document."""

    def __init__(self, folder):
        folder = Path(folder)
        self.name = folder.name
        documents = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
        queries = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
        row_of = {document["_id"]: row for row, document in enumerate(documents)}
        self.judgements = {}
        with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["corpus-id"] in row_of and float(row["score"]) > 0:
                    self.judgements.setdefault(row["query-id"], {})[row_of[row["corpus-id"]]] = float(row["score"])
        queries = [query for query in queries if query["_id"] in self.judgements]
        self.query_ids = [query["_id"] for query in queries]
        self.queries = [query["text"] for query in queries]
        self.documents = [f"{document.get('title') or ''} {document['text']}".strip() for document in documents]
        self.bm25 = bm25(self.documents, self.queries)

    def ndcg(self, scores):
        """Mean nDCG@10 of a matrix of scores, queries × documents; ties go to the earlier document."""
        discounts = 1.0 / np.log2(np.arange(2, 12))
        total = 0.0
        for query, row in zip(self.query_ids, scores, strict=True):
            gains = self.judgements[query]
            best = np.argsort(-row, kind="stable")[:10]
            found = sum(gains.get(int(document), 0.0) * d for document, d in zip(best, discounts))
            ideal = sum(g * d for g, d in zip(sorted(gains.values(), reverse=True), discounts))
            total += found / ideal
        return total / len(self.query_ids)

    def mix(self, vectors, weight):
        """Scores of the convex mix, `weight` for the vectors."""
        return weight * top_normalised(vectors) + (1 - weight) * top_normalised(self.bm25)


def top_normalised(scores):
    """Scores min-max normalised over each row's top 100; 0 elsewhere."""
    out = np.zeros_like(scores, dtype=np.float64)
    for row, target in zip(scores, out, strict=True):
        best = np.argsort(-row, kind="stable")[:TOP]
        low, high = row[best].min(), row[best].max()
        if high > low:
            target[best] = (row[best] - low) / (high - low)
    return out


def recall(retrieval, scores):
    """Mean recall@10."""
    total = 0.0
    for query, row in zip(retrieval.query_ids, scores, strict=True):
        gains = retrieval.judgements[query]
        total += len(gains.keys() & set(np.argsort(-row, kind="stable")[:10].tolist())) / len(gains)
    return total / len(retrieval.query_ids)


def bm25(documents, queries):
    """BM25 scores, queries × documents: English stop words, Porter-style stems."""
    stem = snowballstemmer.stemmer("porter")
    stems, terms = {}, {}

    def ids_of(text):
        for word in WORD.findall(text.lower()):
            if word in STOP_WORDS:
                continue
            if word not in stems:
                stems[word] = stem.stemWord(word)
            yield terms.setdefault(stems[word], len(terms))

    counts = count_matrix([list(ids_of(text)) for text in documents])
    asked = count_matrix([list(ids_of(text)) for text in queries], n_columns=len(terms))
    counts.resize((counts.shape[0], len(terms)))
    lengths = np.asarray(counts.sum(1)).ravel()
    frequency = np.bincount(counts.indices, minlength=len(terms))
    idf = np.log1p((len(documents) - frequency + 0.5) / (frequency + 0.5))
    row = np.repeat(np.arange(len(documents)), np.diff(counts.indptr))
    norm = K1 * (1 - B + B * lengths[row] / lengths.mean())
    weights = counts.copy()
    weights.data = idf[counts.indices] * counts.data * (K1 + 1) / (counts.data + norm)
    return np.asarray((asked @ weights.T).todense())


def count_matrix(id_lists, n_columns=None):
    """A sparse matrix of how often each id occurs in each list."""
    indptr = np.cumsum([0] + [len(ids) for ids in id_lists])
    indices = np.concatenate([np.asarray(ids, np.int32) for ids in id_lists]) if id_lists else np.zeros(0, np.int32)
    shape = (len(id_lists), n_columns or (int(indices.max()) + 1 if len(indices) else 1))
    matrix = sparse.csr_matrix((np.ones(len(indices)), indices, indptr), shape=shape)
    matrix.sum_duplicates()
    return matrix


def embed(tokens, table):
    """Unit vectors of texts, given their token counts (texts × vocabulary) and a table of token vectors."""
    sums = tokens @ table
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / np.where(norms > 0, norms, 1)


def token_counts(vocabulary, texts):
    """How often each token of `vocabulary` occurs in each text, as the library's tokenizer cuts it."""
    ids = {token: id for id, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in SPECIAL if token in ids])
    ids = []
    for start in range(0, len(texts), 20_000):
        encodings = tokenizer.encode_batch(texts[start : start + 20_000], add_special_tokens=False)
        ids += [np.array(encoding.ids, np.int32) for encoding in encodings]
    return count_matrix(ids, n_columns=len(vocabulary))


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    vocabulary, table = model_file.read(Path(sys.argv[1]))
    print(f"{'set':24} {'BM25':>6} {'vector':>6} {'mix.2':>6} {'mix.3':>6}")
    for folder in sys.argv[2:]:
        if not Path(folder).is_dir():
            print(f"{folder}: skipped, no such folder")
            continue
        retrieval = RetrievalSet(folder)
        documents = embed(token_counts(vocabulary, retrieval.documents), table)
        vectors = embed(token_counts(vocabulary, retrieval.queries), table) @ documents.T
        scores = [retrieval.bm25, vectors, retrieval.mix(vectors, 0.2), retrieval.mix(vectors, 0.3)]
        name = "/".join(Path(folder).parts[-2:])
        print(f"{name:24}", *(f"{retrieval.ndcg(score):6.3f}" for score in scores), flush=True)


if __name__ == "__main__":
    main()
