#!/usr/bin/env python3
"""Checks that no two files define a type of the same name in the same namespace.

    scripts/check_types.py [BUILD]      exit 0: none; 1: each pair on a line of its own

The linker keeps one of two such types' functions and says nothing, so a program that has both
crashes far from the mistake (the one-definition rule). Types in an unnamed namespace are their file's own.
"""
import pathlib
import re
import sys

COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
TOKEN = re.compile(r"namespace(?:\s+([\w:]+))?\s*\{|(?:struct|class)\s+(\w+)(?:\s+final)?\s*(?=[{:][^:])|([{}])")


def types_of(source):
    """The qualified names of the types that a file defines outside of functions and unnamed namespaces."""
    scopes = []  # a namespace's name ("" if it has none), or None for any other brace
    for token in TOKEN.finditer(COMMENT_OR_TEXT.sub('""', source)):
        namespace, name, brace = token.groups()
        if brace == "}":
            if scopes:
                scopes.pop()
        elif brace == "{":
            scopes.append(None)
        elif name:
            if all(scopes):
                yield "::".join([*scopes, name])
        else:
            scopes.append(namespace or "")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    first, clashes = {}, []
    for path in sorted([*root.glob("src/*/*.h"), *root.glob("src/*/*.cpp"), *root.glob("cli/*.h"), *root.glob("cli/*.cpp")]):
        for name in types_of(path.read_text()):
            other = first.setdefault(name, path)
            if other != path:
                clashes.append(f"{path.relative_to(root)}: {name} is defined in {other.relative_to(root)} too")
    print("\n".join(clashes) if clashes else f"types: {len(first)}, each defined in one file")
    return bool(clashes)


if __name__ == "__main__":
    sys.exit(main())
