"""Search for inputs that violate a property, with coverage feedback.

Needs atheris, which the tests do not: ``pip install atheris`` (3.0 fits Python 3.11).
Then, from the repository's folder::

    python tests/fuzz/run.py TARGET [options of libFuzzer]
    python tests/fuzz/run.py receipt -max_total_time=600
    python tests/fuzz/run.py receipt crash-0123456789abcdef      runs one input again

Without TARGET it prints their names. It ends at the first violation, with a traceback
and the input in a file crash-*. Whoever fixes it adds the input to the seeds.
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

import atheris  # type: ignore[import-untyped]  # it ships no types, and need not be here

TESTS = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run libFuzzer on one target, starting from its seeds."""
    sys.path[:0] = [str(TESTS.parent), str(TESTS)]
    with atheris.instrument_imports(include=["proofs", "merklelog"]):
        from fuzz.targets import all_targets

        targets = all_targets()
    if len(sys.argv) < 2 or sys.argv[1] not in targets:
        sys.exit("\n".join(["which target?", *targets]))
    target = targets[sys.argv[1]]
    # libFuzzer ends the process itself, so the folder is left to the system.
    corpus = Path(mkdtemp())
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = sys.argv[2:]
    replays = any(not option.startswith("-") for option in options)
    folders = [] if replays else [str(corpus)]
    atheris.Setup([sys.argv[0], *options, *folders], target.fuzz_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
