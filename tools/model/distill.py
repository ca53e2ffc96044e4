"""The plain distillation: one vector per token from the teacher alone, which training begins with.

For every token t the teacher reads `[CLS] t [SEP]`. The output over [CLS] and over the token are mixed, the mixture is
centred, projected on its principal components (the strongest few left out, the rest partly evened out), and weighted by
the token's place in the vocabulary, which is in order of frequency: common words get small vectors. Special tokens get zero.
The figures were chosen among twenty variants by the mean of four retrieval sets.
"""

import numpy as np
from vocabulary import is_reserved

CLS_WEIGHT = 4.0
"""Of the output over [CLS], against 1 for the token."""
DROPPED = 2
"""Strongest principal components left out."""
EVENNESS = 0.4
"""How far variances are evened out: 0 not, 1 whitened."""
POWER = 1.25
"""The weight of a token is log(1 + rank) to this power."""


def initial_table(teacher, vocabulary, dims):
    """Token vectors, tokens × dims, of median length 1."""
    over_cls, over_token = token_outputs(teacher, vocabulary)
    kept = np.array([not is_reserved(token) for token in vocabulary])
    table = project(CLS_WEIGHT * over_cls + over_token, kept, dims, DROPPED, EVENNESS)
    table *= (np.log1p(np.cumsum(kept)) ** POWER)[:, None]
    table[~kept] = 0
    return (table / np.median(np.linalg.norm(table[kept], axis=1))).astype(np.float32)


def token_outputs(teacher, vocabulary, batch=1024):
    """The teacher's last hidden states for `[CLS] t [SEP]`: over [CLS] and over t, each tokens × dims. A token that the
    teacher does not have is the word that its pieces make; over t is then their mean."""
    id_of = {token: id for id, token in enumerate(teacher.vocabulary)}
    pieces = [pieces_of(token, id_of) for token in vocabulary]
    lengths = np.array([len(ids) for ids in pieces])
    over_cls = over_token = None
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for start in range(0, len(rows), batch):
            chosen = rows[start : start + batch]
            ids = [[id_of["[CLS]"], *pieces[row], id_of["[SEP]"]] for row in chosen]
            *_, last = teacher.hidden_states(np.array(ids))
            if over_cls is None:
                over_cls, over_token = np.zeros((2, len(vocabulary), last.shape[-1]))
            over_cls[chosen] = last[:, 0]
            over_token[chosen] = last[:, 1:-1].mean(axis=1)
    return over_cls, over_token


def pieces_of(token, id_of):
    """The longest pieces first, as WordPiece cuts."""
    if token in id_of:
        return [id_of[token]]
    ids, start = [], 0
    while start < len(token):
        end = len(token)
        while end > start and ("##" if start else "") + token[start:end] not in id_of:
            end -= 1
        if end == start:
            return [id_of["[UNK]"]]
        ids.append(id_of[("##" if start else "") + token[start:end]])
        start = end
    return ids


def principal_axes(rows, dims, dropped, evenness):
    """The mean of `rows`, and their principal axes after the first `dropped`, each divided by the deviation along it to the
    power `evenness`: 0 leaves the spectrum as it is, 1 whitens. An axis' sign is the library's choice."""
    centre = rows.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov((rows - centre).T))
    chosen = np.argsort(-variances, kind="stable")[dropped : dropped + dims]
    return centre, axes[:, chosen] / variances[chosen] ** (evenness / 2)


def project(vectors, kept, dims, dropped, evenness):
    """`vectors` on the principal axes of the rows `kept`."""
    centre, axes = principal_axes(vectors[kept], dims, dropped, evenness)
    # That choice must not reach the file.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return (vectors - centre) @ axes
