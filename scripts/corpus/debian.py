#!/usr/bin/env python3
"""Makes the measuring corpus: thousands of real documents out of Debian's documentation packages.

    scripts/corpus/debian.py OUT_DIR                    every document of the default packages
    scripts/corpus/debian.py OUT_DIR --files 10000      exactly 10,000 of them
    scripts/corpus/debian.py OUT_DIR --packages linux-doc git-doc --min-bytes 1024

Needs a Debian (or Debian-like) system with `apt-get` and `dpkg-deb`; no root and nothing beyond
Python's standard library. A package whose documents sit in a versioned one (linux-doc needs
linux-doc-6.1) is followed to it. Nothing is installed: packages are fetched to a temporary folder,
or to `--debs DIR`, which is kept and asked first, so that a second run needs no network.

What goes in, and what stays out:

- Files are as a person finds them on disk, gunzipped. Manual pages stay roff, as they are shipped:
  rendering would measure groff's version as much as ours.
- One source, one document. Sphinx ships a page as `html/X.html`, as `html/_sources/X.rst.txt` and,
  in linux-doc, as `Documentation/X.rst`: the last is kept. An HTML page beside a text file of the
  same name, or with a manual page of the same name in its package, is left out; so is a manual page
  made from a `.pod` of its package. What is left is deduplicated by content.
- Packaging notes (changelog, copyright), generated indexes, images, style sheets, fonts, scripts of
  web pages, anything with a NUL byte, and files shorter than `--min-bytes` are left out.

The result depends on the packages' versions and the options only. `--files N` takes the N documents
whose paths have the smallest SHA-256, so that a smaller corpus is a part of a larger one and no
format, folder or size is preferred. The printed name is a SHA-256 over the sorted
`content-hash  path` lines: two corpora with one name hold the same files.

Exit code: 0 done; 1 it could not be made (why is on stderr); 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

DEFAULT_PACKAGES = ["linux-doc", "postgresql-doc", "manpages", "manpages-dev"]
# Short files are mostly stubs: a manual page that says "see that page", a two-line index. At 512
# bytes the default packages still give 10,000 documents and their mean stays above 5 KB.
DEFAULT_MIN_BYTES = 512

NOT_TEXT = {
    ".css", ".dot", ".eot", ".gif", ".ico", ".inv", ".jpg", ".jpeg", ".js", ".map", ".pdf", ".png",
    ".svg", ".ttf", ".woff", ".woff2", ".buildinfo", ".devhelp", ".devhelp2", ".json", ".info",
}  # fmt: skip
PACKAGING_NOTE = re.compile(r"(changelog|changes|news|copyright|copying|todo)([.-].*)?", re.I)
GENERATED_PAGE = re.compile(r"(genindex.*|py-modindex|search|bookindex|biblio)\.html?", re.I)
SOURCE_SUFFIXES = {".txt", ".rst", ".md", ".pod", ".adoc", ".asciidoc", ".org"}
MANUAL_SUFFIX = re.compile(r"\.[1-9][a-z]*")


class CorpusError(Exception):
    """The corpus cannot be made; the message says what failed and what to do."""


@dataclass(frozen=True)
class Candidate:
    """One file of an unpacked package, before its content is read."""

    package: str
    path: PurePosixPath  # in the corpus, package first, without .gz
    file: Path  # on disk, perhaps gzipped


@dataclass(frozen=True)
class Document:
    path: PurePosixPath
    content: bytes
    modified: float
    digest: str


def main() -> int:
    arguments = parse_arguments()
    try:
        require_empty(arguments.out_dir)
        with tempfile.TemporaryDirectory(prefix="ragged-corpus-") as scratch:
            debs = arguments.debs or Path(scratch) / "debs"
            debs.mkdir(parents=True, exist_ok=True)
            packages = [fetch(resolve(name), debs) for name in arguments.packages]
            candidates: list[Candidate] = []
            for deb in packages:
                candidates += unpack(deb, Path(scratch) / "root")
            documents = read(without_twins(candidates), arguments.min_bytes)
            documents = choose(documents, arguments.files)
            write(documents, arguments.out_dir)
        report(packages, documents, arguments.manifest)
    except CorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make the measuring corpus from Debian's documentation packages."
    )
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="a new or empty folder")
    parser.add_argument("--files", type=int, metavar="N", help="exactly N documents (default: all)")
    parser.add_argument("--packages", nargs="+", metavar="NAME", default=DEFAULT_PACKAGES)
    parser.add_argument("--min-bytes", type=int, metavar="B", default=DEFAULT_MIN_BYTES)
    parser.add_argument("--debs", type=Path, metavar="DIR", help="keep and reuse packages here")
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="write `content-hash  path` lines here"
    )
    arguments = parser.parse_args()
    if arguments.files is not None and arguments.files < 1:
        parser.error("--files must be at least 1")
    return arguments


def require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CorpusError(f"{folder} is not an empty folder; remove it or name another one")


# --- packages


def run(*command: str, cwd: Path | None = None) -> str:
    """The standard output of `command`, which must succeed."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise CorpusError(f"{command[0]} is not here; this script needs a Debian system") from None
    if done.returncode != 0:
        raise CorpusError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def resolve(package: str) -> str:
    """The package that holds the documents: `package`, or the versioned one that it stands for."""
    shown = run("apt-cache", "show", "--no-all-versions", package)
    depends = next((line for line in shown.splitlines() if line.startswith("Depends:")), "")
    bare = re.sub(r"[\d.-]", "", package)
    for dependency in re.split(r"[,|]", depends.removeprefix("Depends:")):
        name = dependency.strip().split(" ")[0]
        if name != package and re.sub(r"[\d.-]", "", name) == bare:
            return name
    return package


def fetch(package: str, debs: Path) -> Path:
    """The package's file, from `debs` if it is there, else from the archive."""
    have = sorted(debs.glob(f"{package}_*.deb"))
    if len(have) > 1:
        names = ", ".join(deb.name for deb in have)
        raise CorpusError(f"{debs} holds more than one version of {package}: {names}")
    if not have:
        print(f"fetching {package}", file=sys.stderr)
        try:
            run("apt-get", "download", "--quiet", package, cwd=debs)
        except CorpusError as error:
            hint = "hint: the package lists may be old: apt-get update (as root)"
            raise CorpusError(f"{error}\n{hint}") from None
        have = sorted(debs.glob(f"{package}_*.deb"))
    if not have:
        raise CorpusError(f"apt-get download {package} left no file in {debs}")
    return have[0]


def unpack(deb: Path, root: Path) -> list[Candidate]:
    """Every regular file of the package that may be a document, by its name alone."""
    package = deb.name.split("_")[0]
    folder = root / package
    folder.mkdir(parents=True)
    run("dpkg-deb", "-x", str(deb), str(folder))
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        path = PurePosixPath(file.relative_to(folder).as_posix())
        if path.suffix == ".gz":
            path = path.with_suffix("")
        top_of_doc = path.parent == PurePosixPath("usr/share/doc", package)
        if (
            path.suffix.lower() in NOT_TEXT
            or GENERATED_PAGE.fullmatch(path.name)
            or (top_of_doc and PACKAGING_NOTE.fullmatch(path.name))
            or path.parts[:3] in [("usr", "share", "lintian"), ("usr", "share", "doc-base")]
        ):
            continue
        found.append(Candidate(package, PurePosixPath(package, shorten(path, package)), file))
    return found


def shorten(path: PurePosixPath, package: str) -> PurePosixPath:
    """`path` without the folders that every file of a package shares."""
    for prefix in (PurePosixPath("usr/share/doc", package), PurePosixPath("usr/share")):
        if path.is_relative_to(prefix):
            return path.relative_to(prefix)
    return path


# --- one source, one document


def without_twins(candidates: list[Candidate]) -> list[Candidate]:
    """`candidates` less the pages made from a source that is there as well."""
    present = {candidate.path for candidate in candidates}
    pods = {(c.package, c.path.stem) for c in candidates if c.path.suffix == ".pod"}
    manual_html = html_of_manual_pages(candidates)

    def is_twin(candidate: Candidate) -> bool:
        path = candidate.path
        if MANUAL_SUFFIX.fullmatch(path.suffix):
            return (candidate.package, path.stem) in pods
        if path.suffix not in {".html", ".htm"}:
            return False
        sources = {path.with_suffix(suffix) for suffix in SOURCE_SUFFIXES}
        return path in manual_html or bool(present & (sources | sphinx_sources(path)))

    return [candidate for candidate in candidates if not is_twin(candidate)]


def sphinx_sources(page: PurePosixPath) -> set[PurePosixPath]:
    """Where Sphinx may have put the source of `page`: `_sources` beside any folder above it."""
    sources = set()
    for base in page.parents:
        below = page.relative_to(base).with_suffix("")
        for suffix in (".rst.txt", ".txt", ".md.txt"):
            sources.add(base / "_sources" / below.with_name(below.name + suffix))
    return sources


def html_of_manual_pages(candidates: list[Candidate]) -> set[PurePosixPath]:
    """DocBook's HTML page of each manual page: `dblink_open.3` is `contrib-dblink-open.html`."""
    pages: dict[str, list[PurePosixPath]] = defaultdict(list)
    for candidate in candidates:
        if candidate.path.suffix == ".html":
            pages[candidate.package].append(candidate.path)
    twins = set()
    for candidate in candidates:
        if MANUAL_SUFFIX.fullmatch(candidate.path.suffix):
            ending = "-" + candidate.path.stem.lower().replace("_", "-")
            named = [page for page in pages[candidate.package] if page.stem.endswith(ending)]
            if len(named) == 1:
                twins.add(named[0])
    return twins


# --- content


def read(candidates: list[Candidate], min_bytes: int) -> list[Document]:
    """The documents: long enough, text, each content once (outside `_sources` first)."""
    documents: list[Document] = []
    seen: set[str] = set()
    for candidate in sorted(candidates, key=lambda c: ("_sources" in c.path.parts, c.path)):
        content = candidate.file.read_bytes()
        if candidate.file.suffix == ".gz":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error) as error:
                raise CorpusError(f"cannot gunzip {candidate.path}: {error}") from None
        digest = hashlib.sha256(content).hexdigest()
        if len(content) < min_bytes or b"\0" in content or digest in seen:
            continue
        seen.add(digest)
        modified = candidate.file.stat().st_mtime
        documents.append(Document(candidate.path, content, modified, digest))
    return documents


def choose(documents: list[Document], files: int | None) -> list[Document]:
    """`files` documents (all, if None), sorted by path."""
    if files is not None:
        if len(documents) < files:
            raise CorpusError(
                f"the packages hold {len(documents)} documents, fewer than --files {files}\n"
                "hint: add to --packages, e.g. python3-doc perl-doc git-doc, or lower --min-bytes"
            )
        documents = sorted(documents, key=lambda d: sha256(str(d.path)))[:files]
    return sorted(documents, key=lambda document: document.path)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(documents: list[Document], out_dir: Path) -> None:
    """All documents, or none: they are written beside `out_dir` and moved there in one step."""
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        partial.chmod(0o755)
        for document in documents:
            file = partial / document.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(document.content)
            os.utime(file, (document.modified, document.modified))
        partial.replace(out_dir)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


# --- report


def report(packages: list[Path], documents: list[Document], manifest: Path | None) -> None:
    lines = [f"{document.digest}  {document.path}" for document in documents]
    if manifest:
        manifest.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    print("packages")
    for deb in packages:
        name, version, _ = deb.name.split("_", 2)
        mine = [len(d.content) for d in documents if d.path.parts[0] == name]
        version = version.replace("%3a", ":")
        print(f"  {name:<20} {version:<22} {len(mine):>6} files {sum(mine):>12,} bytes")
    sizes: dict[str, list[int]] = defaultdict(list)
    for document in documents:
        sizes[kind(document.path)].append(len(document.content))
    print("formats")
    for name, own in sorted(sizes.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        print(f"  {name:<43} {len(own):>6} files {sum(own):>12,} bytes")
    total = sum(len(document.content) for document in documents)
    print(f"files  {len(documents)}")
    print(f"bytes  {total} (mean {total / max(1, len(documents)):.0f})")
    print(f"sha256 {sha256(chr(10).join(sorted(lines)))}")


def kind(path: PurePosixPath) -> str:
    if MANUAL_SUFFIX.fullmatch(path.suffix):
        return "manual page"
    known = {".rst", ".txt", ".html", ".yaml", ".md", ".pod", ".py", ".c", ".h", ".sh", ".csv"}
    return path.suffix[1:] if path.suffix in known else "other text"


if __name__ == "__main__":
    sys.exit(main())
