"""The tokens of the student: the teacher's, less what stands for no text in Latin script, plus whole words.

    python vocabulary.py TEACHER_FOLDER WORK [--size 32000]

writes WORK/vocabulary.json: a list of tokens, the teacher's first and in its order. A word that the teacher cuts into pieces
and that many packages use becomes a token of its own: pieces added up say less than what they are pieces of.
"""

import argparse
import json
import math
import re
import unicodedata
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer

WORD = re.compile(r"\b[a-z]{4,}\b")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def is_reserved(token):
    """Whether a vocabulary entry never stands for text: `[PAD]`, `[unused7]`…"""
    return len(token) > 2 and token.startswith("[") and token.endswith("]")


def is_foreign(token):
    """Whether it has a letter of another script than Latin and Greek."""
    letters = [c for c in token.removeprefix("##") if unicodedata.category(c)[0] in "LM"]
    return any(not unicodedata.name(c, "").startswith(("LATIN", "GREEK")) for c in letters)


def word_scores(lines, tokenizer):
    """For each word that is cut into pieces: in how many packages it occurs, and how often."""
    counts = {}
    for line in lines:
        words = set(WORD.findall(f"{line['question']} {line['passage']}".lower()))
        counts.setdefault(line["source"], Counter()).update(words)
    scores = Counter()
    for of_source in counts.values():
        for word, n in of_source.items():
            if n >= 2:
                scores[word] += math.log1p(n)
    return {word: score for word, score in scores.items() if len(tokenizer.encode(word).ids) > 3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, default=32_000)
    args = parser.parse_args()
    known = (args.teacher / "vocab.txt").read_text(encoding="utf-8").split("\n")
    kept = [t for t in known if t and (t in SPECIAL or not is_reserved(t)) and not is_foreign(t)]
    tokenizer = Tokenizer.from_file(str(args.teacher / "tokenizer.json"))
    tokenizer.no_padding()
    lines = (json.loads(line) for line in (args.work / "corpus.jsonl").open(encoding="utf-8"))
    scores = word_scores(lines, tokenizer)
    added = sorted(scores, key=lambda word: (-scores[word], word))[: args.size - len(kept)]
    (args.work / "vocabulary.json").write_text(json.dumps(kept + added, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(kept)} of the teacher's {len(known)} tokens, {len(added)} words, the last of them {added[-1]}")


if __name__ == "__main__":
    main()
