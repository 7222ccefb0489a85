#!/usr/bin/env -S /usr/bin/python3 -B
"""Changes one condition of decide.c or judge.c at a time and asks whether a
test notices: first the decision table, then the unit tests of decide.  What
survives is a failure, but for the mutants of equivalent.txt, which change
nothing that can be told.

    tests/model/mutate.py [-v]
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import cases
import model

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "ngx_compliance_module" / "core"
SOURCES = ["decide.c", "judge.c"]
UNITS = sorted(p for p in (ROOT / "tests/unit").glob("test_decide*.c"))
LIBS = shlex.split(os.environ["CORE_LIBS"])
EQUIVALENT = pathlib.Path(__file__).with_name("equivalent.txt")
QUICK = 7        # every seventh case first: most mutants die there

SWAPS = {"&&": "||", "||": "&&", "==": "!=", "!=": "==", "<=": "<", ">=": ">",
         "<": "<=", ">": ">="}


def blank(text):
    """The text with comments and literals as spaces, for finding code only."""
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'',
                  lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def closing(text, start):
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("unbalanced")


def mutants(name):
    """(line, what, text) of each mutant of a source."""
    text = (CORE / name).read_text()
    code = blank(text)
    # preprocessor lines are no conditions
    code = re.sub(r"^[ \t]*#.*(\\\n.*)*$", lambda m: re.sub(r"[^\n]", " ", m[0]),
                  code, flags=re.M)

    def mutant(start, end, new):
        line = text.count("\n", 0, start) + 1
        old = text[start:end]
        what = (f"{name}: {' '.join(text.splitlines()[line - 1].split())}"
                f"  [{' '.join(old.split())[:40]} -> {' '.join(new.split())[:44]}]")
        return line, what, text[:start] + new + text[end:]

    for match in re.finditer(r"\b(?:if|while)\s*(\()", code):
        start, end = match.start(1), closing(code, match.start(1))
        condition = text[start:end + 1]
        yield mutant(start, end + 1, f"(!{condition})")
    for match in re.finditer(r"&&|\|\||==|!=|<=|>=|(?<![-<])<(?![<=])"
                             r"|(?<![->])>(?![>=])", code):
        # loops over tables end where they end
        line = code[code.rfind("\n", 0, match.start()) + 1:match.end()]
        if re.search(r"\bfor\s*\(|\bi <$", line):
            continue
        yield mutant(match.start(), match.end(), SWAPS[match[0]])
    for match in re.finditer(r"\breturn (true|false);", code):
        yield mutant(match.start(1), match.end(1),
                     "false" if match[1] == "true" else "true")
    for match in re.finditer(r"\|\s*COMPLIANCE_(?:EXEMPTED|OVERRIDDEN)\b",
                             code):
        yield mutant(match.start(), match.end(), "")
    for match in re.finditer(r"\b(c|tally|decision|facts|judgement)"
                             r"(->|\.)[\w.>-]+ \|?= [^;]+;", code):
        if code[max(0, match.start() - 400):match.start()].rstrip().endswith(
                ("{", ";", "}", "*/")):
            yield mutant(match.start(), match.end(), ";")


def run(*args, **kwargs):
    return subprocess.run([str(a) for a in args], capture_output=True,
                          text=True, **kwargs)


def compile_object(source, out, flags=()):
    done = run("gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-w", f"-I{CORE}",
               f"-I{ROOT}/tests/unit", *flags, "-c", "-o", out, source)
    return done.returncode == 0


class Bench:
    """Everything but the mutant, built once."""

    def __init__(self, directory):
        self.directory = directory
        self.objects = {}
        for source in sorted(CORE.glob("*.c")):
            self.objects[source.name] = directory / f"{source.stem}.o"
            assert compile_object(source, self.objects[source.name]), source
        self.driver = directory / "driver.o"
        assert compile_object(ROOT / "tests/model/decide_cases.c", self.driver)
        self.units = []
        for unit in UNITS:
            self.units.append(directory / f"{unit.stem}.unit.o")
            assert compile_object(unit, self.units[-1]), unit
        table = list(cases.all_cases())
        self.inputs, self.wanted = [], []
        for part in (table[::QUICK], table):
            self.inputs.append("".join(json.dumps(c) + "\n" for c in part))
            self.wanted.append([answer(c) for c in part])

    def link(self, out, mutated, name, extra):
        objects = [o for n, o in self.objects.items() if n != name]
        return run("gcc", "-o", out, *objects, mutated, *extra,
                   *LIBS).returncode == 0

    def killed(self, n, name, text):
        """By what the mutant dies: "table", "unit", "compiler", or None."""
        place = self.directory / f"m{n}"
        place.mkdir()
        source = place / name
        source.write_text(text)
        if not compile_object(source, place / "m.o"):
            return "compiler"
        assert self.link(place / "table", place / "m.o", name, [self.driver])
        for given, wanted in zip(self.inputs, self.wanted):
            try:
                done = run(place / "table", input=given, timeout=60)
            except subprocess.TimeoutExpired:
                return "table"
            if done.returncode or done.stdout.splitlines() != wanted:
                return "table"
        assert self.link(place / "unit", place / "m.o", name,
                         [*self.units, "-lcriterion"])
        try:
            if run(place / "unit", "--jobs", "1", timeout=120).returncode:
                return "unit"
        except subprocess.TimeoutExpired:
            return "unit"
        return None


def answer(case):
    """The line that decide_cases must print."""
    out = dict(model.decide(case))
    out["audit"] = (out["verdict"] in ("block", "tempfail")
                    or out["reason"] == "identity_ambiguous"
                    or out["would"] != "" or out["break_glass"])
    return json.dumps(out, separators=(",", ":"))


def main():
    verbose = "-v" in sys.argv[1:]
    known = {line.split("  # ")[0].strip()
             for line in EQUIVALENT.read_text().splitlines()
             if line.strip() and not line.startswith("#")}
    used, survivors, died = set(), [], 0
    with tempfile.TemporaryDirectory() as temp:
        bench = Bench(pathlib.Path(temp))
        jobs = [(n, name, *m) for n, (name, m) in enumerate(
            (name, m) for name in SOURCES for m in mutants(name))]
        print(f"{len(jobs)} mutants", flush=True)

        def one(job):
            n, name, line, what, text = job
            return name, line, what, bench.killed(n, name, text)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, line, what, by in pool.map(one, jobs):
                if verbose:
                    print(f"{by or 'SURVIVES':9} {name}:{line}: {what}",
                          flush=True)
                if by:
                    died += 1
                elif what in known:
                    used.add(what)
                    died += 1
                else:
                    survivors.append(f"{name}:{line}: {what}")
    for survivor in survivors:
        print(f"survives: {survivor}")
    for stale in sorted(known - used):
        print(f"equivalent.txt: no such surviving mutant: {stale}")
    failed = len(survivors) + len(known - used)
    print(f"{died} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
