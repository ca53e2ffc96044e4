#!/usr/bin/env python3
"""Makes natural-language questions about a folder of documents, from the documents' own titles.

    scripts/corpus/questions.py CORPUS_DIR                     200 questions, JSON lines, on stdout
    scripts/corpus/questions.py CORPUS_DIR --count 1000 --seed 7 > questions.jsonl

Each line is a query of the BEIR layout: `{"_id": "q001", "text": "…", "metadata": {…}}`. The
metadata name the title the question was made from and the file it stands in, so that "does the
file come up" can be counted; they are no relevance judgements, since other files may answer too.

The questions measure latency, recall against exact search and recomputed embeddings. A title
is used once only, if it has two to nine words, is no heading that every document has
("Introduction") and stands in one file of the corpus. Files are taken in the order of the SHA-256 of seed and path,
in turn from each kind of document, at most one question a file, so that the same folder, count and
seed give the same bytes.

Exit code: 0 done; 1 the folder gives fewer questions than asked for; 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

COMMON_HEADINGS = set(
    """abstract acknowledgements api appendix author authors background bugs caveats changelog
    compatibility conclusion configuration contents copyright credits description design
    details diagnostics example examples faq features files further history implementation
    index installation introduction license limitations links maintainer maintainers
    motivation name notes options outline outputs overview parameters preface problem purpose
    reference references requirements rules summary support synopsis syntax todo usage""".split()
)

# Words that open a manual page's one-line description when it says what a call does.
ACTIONS = set(
    """access add adjust allocate associate attach bind block bring build call cancel cause
    change check clear clone close collect commit compare compute configure connect control
    convert copy count create declare decode define delete destroy detach determine disconnect
    display divide drop duplicate enable encode end examine execute fetch fill find finish
    flush format free generate get give handle increase initialize insert install invoke
    iterate join kill list listen load locate lock look make manage manipulate map match
    modify monitor mount move name notify obtain open operate parse perform poll prepare print
    process push put query queue read receive reconstruct recover register release remove
    rename repeat replace report request reserve reset resize resolve restart restore retrieve
    return rewind run save scan schedule search seek select send set shut signal sleep sort
    spawn split start stop store suspend switch synchronize terminate test trace translate
    truncate unlock unmount update wait walk watch write yield""".split()
)

GERUND = re.compile(r"[a-z]{3,}ing\b")
UNDERLINE = re.compile(r"([=\-~^\"'*+#.])\1{2,}")
HTML_TITLE = re.compile(r"<title>(.*?)</title>", re.I | re.S)
NUMBERING = re.compile(
    r"((chapter|part|appendix|section)\s+)?(\d+|[A-Z]|[ivx]+)(\.\d+)*[.:)]\s+", re.I
)


@dataclass(frozen=True)
class Title:
    """A heading, and how the document names things: decides the shape of the question."""

    text: str
    kind: str  # "section", "manual" (a one-line description), "command" or "binding"


def main() -> int:
    parser = argparse.ArgumentParser(description="Make questions about a folder of documents.")
    parser.add_argument("corpus", type=Path, metavar="CORPUS_DIR")
    parser.add_argument("--count", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    arguments = parser.parse_args()
    if not arguments.corpus.is_dir():
        parser.error(f"{arguments.corpus} is not a folder")

    titles = titles_by_file(arguments.corpus)
    spread = Counter(key(title) for own in titles.values() for title in {t.text for t in own})
    questions = []
    for path in in_turn(titles, arguments.seed):
        fit = [t for t in titles[path] if spread[key(t.text)] == 1 and is_specific(t)]
        if not fit:
            continue
        title = fit[rank(arguments.seed, path, "title") % len(fit)]
        text = question(title, rank(arguments.seed, path, "shape"))
        questions.append((text, title.text, path))
        if len(questions) == arguments.count:
            break
    if len(questions) < arguments.count:
        print(
            f"error: {arguments.corpus} gives {len(questions)} questions, not {arguments.count}",
            file=sys.stderr,
        )
        return 1
    for number, (text, title, path) in enumerate(questions, start=1):
        line = {"_id": f"q{number:03}", "text": text, "metadata": {"title": title, "path": path}}
        print(json.dumps(line, ensure_ascii=False))
    return 0


def rank(seed: int, path: str, purpose: str) -> int:
    digest = hashlib.sha256(f"{seed}\0{purpose}\0{path}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def key(title: str) -> str:
    return re.sub(r"\W+", " ", title.lower()).strip()


def in_turn(titles: dict[str, list[Title]], seed: int) -> list[str]:
    """Every path, one of each kind of document in turn, within a kind by the seeded order."""
    position: Counter[str] = Counter()
    turns = []
    for path in sorted(titles, key=lambda path: rank(seed, path, "order")):
        kinds = {title.kind for title in titles[path]} - {"section"}
        group = min(kinds, default=Path(path).suffix)
        turns.append((position[group], group, path))
        position[group] += 1
    return [path for _, _, path in sorted(turns)]


# --- titles


def titles_by_file(corpus: Path) -> dict[str, list[Title]]:
    found = {}
    for file in sorted(corpus.rglob("*")):
        if not file.is_file() or "translations" in file.parts:
            continue
        text = file.read_bytes().decode("utf-8", errors="replace")
        own = titles_of(file, text)
        if own:
            found[file.relative_to(corpus).as_posix()] = own
    return found


def titles_of(file: Path, text: str) -> list[Title]:
    if re.fullmatch(r"\.[1-9][a-z]*", file.suffix):
        return manual_titles(text)
    if file.suffix in {".html", ".htm"}:
        return html_titles(text)
    if file.suffix == ".yaml":
        return [Title(clean(t), "binding") for t in re.findall(r"(?m)^title:[ \t]+(\S.*)$", text)]
    if file.suffix in {".rst", ".txt", ".md"}:
        return section_titles(text)
    return []


def clean(title: str) -> str:
    title = html.unescape(re.sub(r"<[^>]*>", "", title))
    title = re.sub(r":[a-z:]+:`([^`<]*?)(\s*<[^>]*>)?`", r"\1", title)  # reStructuredText roles
    title = re.sub(r"[`*|\\]+", "", " ".join(title.split()))
    numbered = NUMBERING.match(title)
    return title[numbered.end() if numbered else 0 :].strip(" .:;,-–—#=\"'")


def manual_titles(text: str) -> list[Title]:
    """The description of NAME: `chmod, fchmod \\- change permissions of a file`."""
    name = re.search(r"(?m)^\.SH \"?NAME\"?\s*\n(.*?)^\.S[Hh] ", text, re.S)
    if not name:
        return []
    plain = re.sub(r"(?m)^\.[A-Za-z]+ ?|^\.?\\\".*$|\\f.|\\&", "", name[1]).replace("\n", " ")
    _, dash, description = plain.partition(r" \- ")
    return [Title(clean(description), "manual")] if dash else []


def html_titles(text: str) -> list[Title]:
    title = HTML_TITLE.search(text)
    if not title:
        return []
    own = clean(title[1])
    purpose = re.search(r"<p>\s*[^<]{2,60} — ([^<]{4,90})</p>", text)
    if purpose and own.isupper():
        return [Title(clean(purpose[1]), "command")]
    heads = [clean(head) for head in re.findall(r"<h[2-4][^>]*>(.*?)</h[2-4]>", text, re.S)]
    return [Title(head, "section") for head in [own, *heads]]


def section_titles(text: str) -> list[Title]:
    """Lines underlined as long as themselves, and lines that begin with `#` marks."""
    lines = text.splitlines()
    found = []
    for line, below in zip(lines, lines[1:]):
        bare = line.strip()
        underlined = UNDERLINE.fullmatch(below.rstrip()) and len(below.rstrip()) >= len(bare) - 1
        indented = line.startswith((" ", "\t"))
        if bare and underlined and not indented and not UNDERLINE.fullmatch(bare):
            found.append(Title(clean(bare), "section"))
        elif re.match(r"#{1,4} \S", line):
            found.append(Title(clean(bare), "section"))
    return found


def is_specific(title: Title) -> bool:
    """Whether a person could ask about it without having the document before them."""
    text, words = title.text, title.text.split()
    ordinary = [word for word in words if re.fullmatch(r"[A-Za-z][A-Za-z'’-]{2,}", word)]
    return (
        2 <= len(words) <= 9
        and len(text) <= 80
        and text.isascii()
        and len(ordinary) >= max(2, len(words) // 2)
        and any(word.lower() not in COMMON_HEADINGS for word in ordinary)
        and not re.search(r"[=<>{}\[\]$@;]|\?.|::|\(\s*\)|https?:|\.\.\.|Feature name", text)
        and not words[0].lower() in COMMON_HEADINGS | {"the", "this", "these"}
    )


# --- questions


TAIL = re.compile(
    r"\s+((device[ -]?tree|dt)\s+)?(bindings?|schema|documentation|explained)$", re.I
)
QUESTION_WORD = re.compile(
    r"(how|what|why|when|where|which|who|is|are|can|does|do|should)\b", re.I
)
# Shapes that read well whether the title is one thing or many.
BINDING_SHAPES = [
    "Which properties does the device tree node of {} need?",
    "How is {} described in the device tree?",
    "What does the binding of {} require?",
]
CALL_SHAPES = ["How do I {}?", "How can a program {}?", "Which call lets me {}?"]
GERUND_SHAPES = ["What do I need to know about {}?", "Where can I read about {}?"]
NOUN_SHAPES = [
    "What should I know about {}?",
    "What is meant by {}?",
    "Where can I read about {}?",
    "What is the idea behind {}?",
    "Tell me how {} can be used",
]


def question(title: Title, turn: int) -> str:
    subject = TAIL.sub("", title.text) if title.kind in {"section", "binding"} else title.text
    text = lower_first(subject)
    verb, _, rest = text.partition(" ")
    if title.text.endswith("?"):
        return title.text
    if how := re.match(r"(?:how|howto|how-to) to (.+)", text, re.I):
        return f"How do I {how[1]}?"
    if QUESTION_WORD.match(text):
        return f"{subject}?"
    if title.kind == "binding":
        return pick(BINDING_SHAPES, turn).format(subject)
    if title.kind == "command":
        return f"How do I {text}?"
    if title.kind == "manual":
        if verb not in ACTIONS and verb.removesuffix("s") in ACTIONS:  # "opens a cursor"
            verb = verb.removesuffix("s")
        shapes = CALL_SHAPES if verb in ACTIONS else NOUN_SHAPES
        return pick(shapes, turn).format(f"{verb} {rest}".strip())
    if verb in ACTIONS:
        return f"How do I {text}?"
    return pick(GERUND_SHAPES if GERUND.match(text) else NOUN_SHAPES, turn).format(text)


def pick(shapes: list[str], turn: int) -> str:
    return shapes[turn % len(shapes)]


def lower_first(text: str) -> str:
    """`text` as it reads inside a sentence: "Memory barriers" but not "PCI drivers" is lowered."""
    words = text.split(" ")
    titled = sum(word[:1].isupper() for word in words) > len(words) / 2
    lowered = [
        word.lower() if re.fullmatch(r"[A-Z][a-z'’-]+", word) and (at == 0 or titled) else word
        for at, word in enumerate(words)
    ]
    return " ".join(lowered)


if __name__ == "__main__":
    sys.exit(main())
