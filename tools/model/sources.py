"""Where the training text comes from: freely licensed packages, each with its licence.

Licences are those that a package's own copyright file states for its text. None of the text is kept in the model or in the
repository. `most` bounds how many passages a package gives, so that none of them sets the tone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A package and how its text is read."""

    package: str
    form: str
    """`html`, `manual`, `dictionary`, `wordnet`, `ontology`, `fortunes`, `dialogue`, `stories`, `text`, `help` or `pdf`."""
    licence: str
    most: int = 20_000
    within: str = "usr"
    registry: str = "debian"


SOURCES = (
    Source("wordnet-base", "wordnet", "WordNet licence (permissive)", most=200_000),
    Source("dict-gcide", "dictionary", "GPL-3.0-or-later; Webster 1913 in the public domain", most=90_000),
    Source("dict-foldoc", "dictionary", "GFDL-1.1-or-later"),
    Source("dict-jargon", "dictionary", "public domain"),
    Source("dict-vera", "dictionary", "GFDL-NIV-1.1-or-later"),
    Source("dict-devil", "dictionary", "public domain"),
    Source("dict-elements", "dictionary", "public domain"),
    Source("r-bioc-go.db", "ontology", "Artistic-2.0; Gene Ontology CC-BY-4.0", most=60_000),
    Source("fortunes", "fortunes", "BSD-like, collections of quotations"),
    Source("fortunes-min", "fortunes", "BSD-like, collections of quotations"),
    Source("chatterbot-corpus", "dialogue", "BSD-3-Clause", within="chatterbot_corpus", registry="pypi"),
    Source("anarchism", "html", "GPL-2.0-or-later"),
    Source("debian-handbook", "html", "GPL-2.0-or-later or CC-BY-SA-3.0", within="usr/share/doc/debian-handbook/html/en-US"),
    Source("debian-reference-en", "html", "GPL-2.0-or-later"),
    Source("developers-reference", "html", "GPL-2.0-or-later"),
    Source("postgresql-doc-15", "html", "PostgreSQL"),
    Source("python3.11-doc", "html", "PSF-2.0"),
    Source("linux-doc-6.1", "html", "GPL-2.0-only and compatible", most=40_000),
    Source("apache2-doc", "html", "Apache-2.0", within="usr/share/doc/apache2-doc/manual/en"),
    Source("git-doc", "html", "GPL-2.0-only"),
    Source("python-scipy-doc", "html", "BSD-3-Clause"),
    Source("python-sklearn-doc", "html", "BSD-3-Clause"),
    Source("python-statsmodels-doc", "html", "BSD-3-Clause"),
    Source("python-pandas-doc", "html", "BSD-3-Clause", most=10_000),
    Source("python-biopython-doc", "html", "Biopython (MIT-like)"),
    Source("python-astropy-doc", "html", "BSD-3-Clause"),
    Source("python-skimage-doc", "html", "BSD-3-Clause"),
    Source("octave-doc", "html", "GPL-3.0-or-later"),
    Source("maxima-doc", "html", "GPL-2.0-or-later"),
    Source("gri-html-doc", "html", "GPL-2.0-or-later"),
    Source("rust-doc", "html", "MIT or Apache-2.0", most=10_000),
    Source("openjdk-17-doc", "html", "GPL-2.0-only with Classpath exception", most=10_000),
    Source("manpages", "manual", "GPL and BSD-like, by page"),
    Source("manpages-dev", "manual", "GPL and BSD-like, by page"),
    Source("perl-doc", "manual", "Artistic-1.0 or GPL-1.0-or-later"),
    Source("vim-doc", "html", "Vim"),
    Source("lammps-doc", "pdf", "GPL-2.0-only"),
    Source("gnumed-doc", "html", "CC-BY-SA-3.0, CC0-1.0, GPL-2.0-or-later"),
    Source("code-saturne-doc", "pdf", "GPL-2.0-or-later"),
    Source("mrbayes-doc", "pdf", "GPL-3.0-or-later"),
    Source("gretl-doc", "pdf", "GPL-3.0-or-later"),
    Source("expeyes-doc-en", "pdf", "GPL-3.0-or-later"),
    Source("endless-sky-data", "stories", "GPL-3.0-or-later, CC-BY-SA-4.0"),
    Source("naev-data", "stories", "GPL-3.0-or-later"),
    Source("freedroidrpg-data", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-httt", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-utbs", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-sof", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-did", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-nr", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-low", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-ei", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-tsg", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-dw", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-dm", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-thot", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-trow", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-sotbe", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-l", "stories", "GPL-2.0-or-later"),
    Source("wesnoth-1.16-ttb", "stories", "GPL-2.0-or-later"),
    Source("crawl-common", "text", "GPL-2.0-or-later"),
    Source("gnome-user-docs", "help", "CC-BY-SA-3.0", within="usr/share/help/C"),
    Source("gimp-help-en", "html", "GFDL-1.2-or-later"),
    Source("debian-faq", "html", "GPL-2.0-or-later"),
)

DESCRIPTIONS = "debian-descriptions"
"""The short and long descriptions of all packages, from the lists that `apt-get update` brings."""
