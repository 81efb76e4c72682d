#!/usr/bin/env python3
"""The documents that come out of the program itself: `./dev docs` writes them, `./dev check` compares them.

    scripts/docs.py BUILD [--check] [PAGE ...]     BUILD: a build folder with the program vitro

  docs/book/*.md       the commands of each chapter are run, in order, in an empty folder of its own, and what they
                       print is put below them. A `sh` block is run if a `text` block follows it; that one is replaced.
  docs/reference/*     made from the catalogues: one page a kind, its curves as SVG (vitro list, vitro inspect)

Output is kept as it is, but for what no two machines share: times, rates and the size of rounding errors become "...".
A number with a decimal point or a percent sign in a chapter's prose must stand in a command or an output of that
chapter: what the book says, the program has printed. With --check nothing is written, and whatever differs is shown;
exit status 1 then.
"""
import concurrent.futures
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOOK, REFERENCE = ROOT / "docs/book", ROOT / "docs/reference"
BLOCK = re.compile(r"^```sh\n(?P<commands>(?:(?!```).*\n)+)```\n\n?```text\n(?:(?!```).*\n)*```\n", re.M)
FENCED = re.compile(r"^```.*?^```\n", re.M | re.S)
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?: ?%)?(?![\w])")
# What depends on the machine, its C library and the hour: in these phrases alone.
PASSING = [(re.compile(r"\b\d[\d,]* samples/s"), "... samples/s"), (re.compile(r"\b\d+(\.\d+)? s\b"), "... s"),
           (re.compile(r"(relative error +)\S+"), r"\1..."),
           (re.compile(r"\b\d(\.\d+)?e-(1[5-9]|[2-9]\d)\b"), "~0")]
KINDS = {
    "ops": ("Ops", "What a net is made of. Every op is a layer, too, by the same name."),
    "layers": ("Layers", "Layers with parameters or a shape of their own. Every op is a layer beside these."),
    "losses": ("Losses", "How wrong the predictions are, as one number: `loss = \"NAME\"` in a recipe's `[train]`."),
    "optimisers": ("Optimisers", "How a gradient changes the weights: `optimizer = \"NAME\"`, its arguments beside it."),
    "schedules": ("Schedules", "How the learning rate changes: `schedule = {op=\"NAME\", ...}`."),
    "augmentations": ("Augmentations", "What is done to training pictures: `augment = [{op=\"NAME\", ...}]` below `[data]` (docs/pictures.md)."),
    "initialisers": ("Initialisers", "How weights start: a layer's `init` and `bias_init`."),
    "nets": ("Nets", "Whole nets by name: `--net NAME`."),
}


class Wrong(Exception):
    pass


def shown(path):
    return os.path.relpath(path, ROOT)


class Program:
    def __init__(self, build):
        self.path = pathlib.Path(build).resolve()
        if not (self.path / "vitro").exists():
            raise Wrong(f"{self.path}/vitro is not there: ./dev build makes it")

    def environment(self, home):
        return {"PATH": f"{self.path}:{os.environ['PATH']}", "HOME": home, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}

    def json(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["vitro", *words, "--json"], cwd=folder, env=self.environment(folder),
                                  capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"vitro {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)


# ---- The book --------------------------------------------------------------------------------------------


def settled(output):
    lines = [line.rstrip() for line in output.splitlines()]
    text = "\n".join(lines).strip("\n") + "\n"
    for rule, instead in PASSING:
        text = rule.sub(instead, text)
    return text


def check_prose(path, page):
    """Every number of the prose stands in a block."""
    blocks = "".join(FENCED.findall(page)) + " ".join(re.findall(r"`[^`\n]+`", FENCED.sub("", page)))
    prose = re.sub(r"`[^`\n]+`|\]\([^)]*\)", "", FENCED.sub("", page))
    wrong = []
    for found in NUMBER.finditer(prose):
        number = found[0].rstrip(",")
        if ("." in number or "%" in number) and number.replace(" ", "") not in blocks.replace(" ", ""):
            wrong.append(number)
    if wrong:
        raise Wrong(f"{shown(path)}: the prose says {', '.join(wrong)}, no command or output beside it does")


def chapter(program, path):
    page = path.read_text()
    with tempfile.TemporaryDirectory() as folder:

        def run(block):
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block["commands"]], cwd=folder,
                                  env=program.environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=100)
            if done.returncode:
                line = page[:block.start()].count("\n") + 1
                raise Wrong(f"{shown(path)}:{line}: the commands end with {done.returncode}:\n{done.stdout}")
            return f"```sh\n{block['commands']}```\n```text\n{settled(done.stdout)}```\n"

        page = BLOCK.sub(run, page)
    check_prose(path, page)
    return {path: page}


# ---- The reference ---------------------------------------------------------------------------------------


def cell(text):
    return text.replace("|", "\\|")


def arguments(listed):
    rows = ["| argument | default | |", "|---|---|---|"]
    for one in listed:
        default = "required" if one["default"] is None else f"`{one['default']}`" if one["default"] else ""
        rows.append(f"| `{one['name']}` | {cell(default)} | {cell(one['doc'])} |")
    return "\n".join(rows) + "\n"


def shared(entries):
    """The arguments that every entry of a kind takes, with their usual default: said once, at the head of the page."""
    out = []
    for one in entries[0]["arguments"] if len(entries) > 1 else []:
        same = [other for entry in entries for other in entry["arguments"]
                if (other["name"], other["doc"]) == (one["name"], one["doc"])]
        if len(same) == len(entries):
            defaults = [other["default"] for other in same]
            out.append(one | {"default": max(defaults, key=defaults.count)})
    return out


def entry(program, kind, about, usual):
    """An entry's part of its page, and the files that it needs."""
    name = about["name"]
    files, out = {}, [f"## {about['name']}\n", about["doc"] + "\n"]
    if about["plot"]:
        picture = REFERENCE / "curves" / f"{about['kind']}-{about['name']}.svg"
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "curve.svg"
            subprocess.run(["vitro", "inspect", name, "--kind", kind, "--svg", str(file)], cwd=folder, check=True,
                           env=program.environment(folder))
            files[picture] = file.read_text()
        out.append(f"![{about['name']}](curves/{picture.name})\n")
    code = ("formula", "derivative", "PyTorch", "Keras", "ONNX", "parameters", "also called", "reductions")
    rows = ["| | |", "|---|---|"]
    for label, value in about["facts"]:
        if label == "claims":
            value = ", ".join(f"[{claim}](../claims.md)" for claim in value.split(", "))
        elif label in code:
            value = f"`{value}`"
        rows.append(f"| {label} | {cell(value)} |")
    out.append("\n".join(rows) + "\n")
    own = [one for one in about["arguments"] if one not in usual]
    if own:
        out.append(arguments(own))
    if about["more"]:
        out.append("```text\n" + settled(about["more"]) + "```\n")
    return "\n".join(out), files


def reference(program, kind, pool):
    title, lead = KINDS[kind]
    names = [one["name"] for one in program.json("list", kind) if one["name"] != "..."]
    entries = list(pool.map(lambda name: program.json("inspect", name, "--kind", kind)["entries"][0], names))
    usual = shared(entries)
    files, parts = {}, []
    for part, own in pool.map(lambda about: entry(program, kind, about, usual), entries):
        parts.append(part)
        files.update(own)
    head = [f"# {title}\n", lead + "\n", "Made from the catalogue by `./dev docs`: change the entry, not this page. "
            "`vitro inspect NAME` says the same.\n",
            " · ".join(f"[{name}](#{name})" for name in names) + "\n"]
    if usual:
        head.append("Every one takes these, too; below stands what is its own, or has another default.\n")
        head.append(arguments(usual))
    files[REFERENCE / f"{kind}.md"] = "\n".join(head + parts)
    return files


# ---- Both ------------------------------------------------------------------------------------------------


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    check = "--check" in sys.argv[1:]
    program = Program(words[0] if words else "build")
    wanted = {pathlib.Path(word).resolve() for word in words[1:]}
    start = time.monotonic()
    cores = len(os.sched_getaffinity(0))
    jobs, made, wrong = [], {}, []
    with concurrent.futures.ThreadPoolExecutor(cores) as pool, concurrent.futures.ThreadPoolExecutor(cores) as entries:
        for path in sorted(BOOK.glob("*.md")):
            if not wanted or path in wanted:
                jobs.append(pool.submit(chapter, program, path))
        for kind in KINDS:
            if not wanted or REFERENCE / f"{kind}.md" in wanted:
                jobs.append(pool.submit(reference, program, kind, entries))
        for job in jobs:
            try:
                made.update(job.result())
            except (Wrong, subprocess.SubprocessError) as error:
                wrong.append(str(error))
    stale = [] if wanted else [path for path in REFERENCE.rglob("*") if path.is_file() and path not in made]
    for path, content in sorted(made.items()):
        before = path.read_text() if path.exists() else ""
        if before == content:
            continue
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            print(f"wrote {shown(path)}")
            continue
        lines = list(difflib.unified_diff(before.splitlines(), content.splitlines(), "as it stands", "as it comes out",
                                          lineterm="", n=1))
        wrong.append(f"{shown(path)} is not what the program says: ./dev docs puts this right\n" +
                     "\n".join(lines[2:22]))
    for path in stale:
        if check:
            wrong.append(f"{shown(path)} is made by nothing: ./dev docs removes it")
        elif not wrong:
            path.unlink()
            print(f"removed {shown(path)}")
    for line in wrong:
        print(line)
    print(f"{sum(path.parent == BOOK for path in made)} chapters, {len(made)} files, {time.monotonic() - start:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    try:
        main()
    except Wrong as error:
        sys.exit(f"docs: {error}")
