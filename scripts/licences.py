#!/usr/bin/env python3
"""Checks that every package in the build may be there, by the rules of deny.toml.

    scripts/licences.py             licences, sources and doubled crates
    scripts/licences.py --list      every package with its licence as well

It reads `cargo metadata --locked` for each of deny.toml's targets and knows the parts of deny.toml
that this repository uses: `graph.targets`, `licenses.allow` and `.exceptions`,
`bans.multiple-versions` and `.skip`, `sources.allow-registry`. It trusts the licence that a package
declares; `cargo deny` also reads the licence's text. Needs Python 3.11 and its standard library.

Exit code: 0 fine; 1 a rule is broken or the packages cannot be read; 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Package = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the build's packages against deny.toml.")
    parser.add_argument("--list", action="store_true", help="show every package and its licence")
    parser.add_argument("--manifest-path", type=Path, default=ROOT / "Cargo.toml", metavar="FILE")
    parser.add_argument("--rules", type=Path, default=ROOT / "deny.toml", metavar="FILE")
    arguments = parser.parse_args()
    rules = tomllib.loads(arguments.rules.read_text(encoding="utf-8"))

    try:
        packages = read_packages(arguments.manifest_path, rules["graph"]["targets"])
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.list:
        for package in packages:
            print(f"{name(package):<40} {package['license'] or 'no licence declared'}")

    faults = wrong_licences(packages, rules["licenses"])
    faults += wrong_sources(packages, rules["sources"].get("allow-registry", []))
    doubled = doubled_crates(packages, rules["bans"].get("skip", []))
    if rules["bans"]["multiple-versions"] == "deny":
        faults += doubled
    elif rules["bans"]["multiple-versions"] == "warn":
        for line in doubled:
            print(f"note: {line}")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    print(f"{len(packages)} packages: {len(faults)} faults, {len(doubled)} doubled crates")
    return 1 if faults else 0


def read_packages(manifest: Path, targets: list[str]) -> list[Package]:
    """Every package that a build for one of `targets` uses, tests included, sorted by name."""
    packages: dict[str, Package] = {}
    for target in targets:
        command = ["cargo", "metadata", "--format-version", "1", "--locked"]
        command += ["--filter-platform", target, "--manifest-path", str(manifest)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
        metadata = json.loads(done.stdout)
        used = {node["id"] for node in metadata["resolve"]["nodes"]}
        packages |= {p["id"]: p for p in metadata["packages"] if p["id"] in used}
    return sorted(packages.values(), key=lambda package: (package["name"], package["version"]))


def name(package: Package) -> str:
    return f"{package['name']} {package['version']}"


def matches(spec: str, package: Package) -> bool:
    """Whether deny.toml's `name` or `name@version` means this package."""
    crate, _, version = spec.partition("@")
    return crate == package["name"] and version in ("", package["version"])


# --- licences


def wrong_licences(packages: list[Package], rules: dict[str, Any]) -> list[str]:
    faults = []
    for package in packages:
        allowed = set(rules["allow"])
        for exception in rules.get("exceptions", []):
            if matches(exception["crate"], package):
                allowed |= set(exception["allow"])
        expression = package["license"]
        if not expression:
            faults.append(f"{name(package)} declares no licence")
        else:
            try:
                fine = is_allowed(expression, allowed)
            except ValueError as error:
                faults.append(f"{name(package)}: licence `{expression}` cannot be read: {error}")
                continue
            if not fine:
                faults.append(f"{name(package)}: licence `{expression}` is not allowed")
    return faults


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Evaluates an SPDX expression; `MIT/Apache-2.0`, an old spelling, means OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    at = 0

    def peek() -> str | None:
        return tokens[at] if at < len(tokens) else None

    def take() -> str:
        nonlocal at
        token = peek()
        if token is None:
            raise ValueError("it ends too early")
        at += 1
        return token

    def chain(operator: str, operand: Callable[[], bool]) -> list[bool]:
        values = [operand()]
        while peek() == operator:
            take()
            values.append(operand())
        return values

    def either() -> bool:
        return any(chain("OR", both))

    def both() -> bool:
        return all(chain("AND", single))

    def single() -> bool:
        token = take()
        if token == "(":
            value = either()
            if take() != ")":
                raise ValueError("a parenthesis is not closed")
            return value
        if token in (")", "AND", "OR", "WITH"):
            raise ValueError(f"`{token}` stands where a licence should")
        if peek() == "WITH":
            take()
            token = f"{token} WITH {take()}"
        return token in allowed

    value = either()
    if peek() is not None:
        raise ValueError(f"`{peek()}` is not expected")
    return value


# --- sources and doubled crates


def wrong_sources(packages: list[Package], registries: list[str]) -> list[str]:
    allowed = {f"registry+{registry}" for registry in registries}
    return [
        f"{name(package)} comes from {package['source']}"
        for package in packages
        if package["source"] is not None and package["source"] not in allowed
    ]


def doubled_crates(packages: list[Package], skip: list[dict[str, str]]) -> list[str]:
    """Crates in more than one version, the versions that `skip` knows left aside."""
    versions: dict[str, list[str]] = defaultdict(list)
    for package in packages:
        if not any(matches(entry["crate"], package) for entry in skip):
            versions[package["name"]].append(package["version"])
    return [
        f"{crate} is built in {len(own)} versions: {', '.join(own)}"
        for crate, own in versions.items()
        if len(own) > 1
    ]


if __name__ == "__main__":
    sys.exit(main())
