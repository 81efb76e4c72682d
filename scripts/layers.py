#!/usr/bin/env python3
"""Checks that every room includes only what the table of rooms in docs/architecture.md allows.

    scripts/layers.py [ROOT]        exit 0: the rooms are layered; 1: each breach on a line of its own

The table's columns are: room, what lives there, may import, third-party headers.
- A room's row names its folder in backticks (`src/core/`; several folders may share a row) and the
  rooms that it may import; it may also import what those import. A row may name only rooms of rows
  above it, so the table cannot hold a circle.
- The standard library's headers without a suffix (<vector>) are free to all. Any other header in
  angle brackets, and any in quotes that is no room's, must match a pattern of the row's last column
  (`hwy/*`). So <unistd.h> is seen only where the table says so.
- A row without imports (tests, docs) is not checked.
Also checked: an include in quotes names an existing file by its room ("core/shape.h"), and files
do not include each other in a circle.
"""
import fnmatch
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)
TABLE = "docs/architecture.md"


class Room:
    def __init__(self, folder, imports, headers):
        self.folder = folder          # "src/core" or "cli"
        self.name = folder.rsplit("/", 1)[-1]
        self.imports = imports        # names, closed over what those import
        self.headers = headers        # patterns


def read_rooms(root):
    """The rooms by name, from the table; a mistake in the table ends the program."""
    rooms = {}
    lines = (root / TABLE).read_text().splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"\|\s*room\s*\|", line)), None)
    if start is None:
        sys.exit(f"{TABLE}: no table that begins with | room |")
    for number, line in enumerate(lines[start + 2:], start + 3):
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4:
            sys.exit(f"{TABLE}:{number}: {len(cells)} columns, expected 4")
        folders = [folder.rstrip("/") for folder in re.findall(r"`([^`]+)`", cells[0])]
        if not cells[2]:
            continue
        words = [] if "standard library" in cells[2] else re.findall(r"\w+", cells[2])
        # "train, or model alone" is prose around names; a name that no row above defines is not.
        unknown = [word for word in words if word not in rooms and word not in ("or", "and", "alone")]
        if unknown:
            sys.exit(f"{TABLE}:{number}: {folders[0]} may import {unknown[0]}, which no row above defines")
        direct = {word for word in words if word in rooms}
        imports = direct.union(*(rooms[name].imports for name in direct))
        headers = re.findall(r"`([^`]+)`", cells[3])
        row = [Room(folder, imports, headers) for folder in folders]
        rooms.update({room.name: room for room in row})
    return rooms


def without_comments(text):
    return re.sub(r"/\*.*?\*/", lambda c: "\n" * c[0].count("\n"), text, flags=re.S)


def check_file(path, room, rooms, root):
    """Yields (breach, None) for each include that is not allowed, (None, file) for each of this tree that is."""
    text = without_comments(path.read_text())
    for match in INCLUDE.finditer(text):
        quoted, angled = match.groups()
        header = quoted or angled
        line = text.count("\n", 0, match.start(1 if quoted else 2)) + 1
        where = f"{path.relative_to(root)}:{line}"
        first = header.split("/", 1)[0]
        if quoted and first in rooms and "/" in header:
            target = root / rooms[first].folder / header.split("/", 1)[1]
            if not target.exists():
                yield f"{where}: \"{header}\" does not exist", None
            elif first != room.name and first not in room.imports:
                allowed = ", ".join(sorted(room.imports)) or "no room"
                yield f"{where}: {room.name} includes \"{header}\", but may import {allowed}", None
            else:
                yield None, target
        elif quoted and (path.parent / header).exists():
            yield f"{where}: \"{header}\" names no room; write \"{room.name}/{header}\"", None
        elif angled and "/" not in header and "." not in header:
            continue  # the standard library
        elif not any(fnmatch.fnmatch(header, pattern) for pattern in room.headers):
            allowed = ", ".join(room.headers) or "none"
            yield f"{where}: {room.name} includes <{header}>; third-party headers of its row: {allowed}", None


def circles(graph):
    """Each circle of includes, as a list of files that ends where it began."""
    done, path = set(), []

    def visit(file):
        if file in done:
            return
        if file in path:
            yield path[path.index(file):] + [file]
            return
        path.append(file)
        for target in graph.get(file, ()):
            yield from visit(target)
        path.pop()
        done.add(file)

    for file in sorted(graph):
        yield from visit(file)


def breaches(root):
    rooms = read_rooms(root)
    found, graph = [], {}
    for folder in sorted((root / "src").iterdir()):
        if folder.is_dir() and folder.name not in rooms:
            found.append(f"src/{folder.name}: not in the table of {TABLE}")
    for room in rooms.values():
        for path in sorted((root / room.folder).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            graph[path] = []
            for breach, target in check_file(path, room, rooms, root):
                if breach:
                    found.append(breach)
                elif target != path:  # Highway's way of compiling a file again names the file itself
                    graph[path].append(target)
    for circle in circles(graph):
        found.append("a circle of includes: " + " -> ".join(str(file.relative_to(root)) for file in circle))
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    found = breaches(root)
    print("\n".join(found) if found else "layers: every room includes only what its row allows")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
