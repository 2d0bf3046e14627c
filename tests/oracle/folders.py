"""What lies in a landing folder: files by the name they are taken in under, and what is set aside by its name (E4)."""

from collections.abc import Iterator
from pathlib import Path


def visible(folder: Path, suffix: str) -> Iterator[Path]:
    """All but what begins with a dot, or with an underscore and lacks the suffix, in the order of names."""
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        if path.name[0] != "." and (path.name[0] != "_" or path.name.lower().endswith(suffix)):
            yield path


def by_stem(folder: Path, suffix: str) -> tuple[dict[str, Path], list[str]]:
    """Each file of the suffix by its stem; and the names of the rest, two files of one stem among them."""
    taken: dict[str, list[Path]] = {}
    unknown = []
    for path in visible(folder, suffix):
        if path.is_file() and path.suffix.lower() == suffix:
            taken.setdefault(path.stem, []).append(path)
        else:
            unknown.append(path.name)
    unknown += [stem for stem, paths in taken.items() if len(paths) > 1]
    return {stem: paths[0] for stem, paths in taken.items() if len(paths) == 1}, unknown
