"""What decides the outcome of a tuning run, so that finished ones are used again only while they hold.

A change of one learner leaves the runs of the others valid: the catalog and the learners that a run does not use are
left out of the digest of the code, and the configuration that the catalog made is in the fingerprint itself.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

import controllers
import evaluation
import sim
from evaluation.journal import digest_files
from evaluation.tuning_trial import TuningTrial

RESIDUAL = "controllers.residual."
# Of this package only what turns a run into numbers; costs are computed anew from the numbers.
MEASURING = ("rollout", "measurement", "falls", "tuning_cost", "tuning_trial")
CATALOG = {"catalog", "tuned"}


def _root(package_file: str | None) -> Path:
    return Path(str(package_file)).parent


@cache
def _residual_imports(path: Path) -> frozenset[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {name.removeprefix(RESIDUAL).partition(".")[0] for name in names if name.startswith(RESIDUAL)}
    return frozenset(found)


@cache
def sources(learner_module: str) -> tuple[Path, ...]:
    """List the files that a run of a learner depends on.

    Args:
        learner_module: Module of the learner's class.

    Returns:
        Files of the controller, of what it and the learner import of `controllers.residual`, of the simulator, and of
        what measures.
    """
    core, residual = _root(controllers.__file__), _root(controllers.__file__) / "residual"
    files = {path for path in core.rglob("*.py") if residual not in path.parents}
    todo = {name for path in files for name in _residual_imports(path)}
    todo.add(learner_module.removeprefix(RESIDUAL))
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        path = residual / f"{name}.py"
        if name in seen or name in CATALOG or not path.is_file():
            continue
        seen.add(name)
        files.add(path)
        todo |= _residual_imports(path)
    files |= set(_root(sim.__file__).rglob("*.py"))
    files |= {_root(evaluation.__file__) / f"{name}.py" for name in MEASURING}
    return tuple(sorted(files))


@cache
def code_digest(learner_module: str) -> str:
    """Digest these files.

    Args:
        learner_module: Module of the learner's class.

    Returns:
        Hexadecimal digest.
    """
    return digest_files(("/".join(path.parts[-3:]), path) for path in sources(learner_module))


def tuning_fingerprint(trial: TuningTrial) -> str:
    """Digest all that decides the outcome of a tuning run.

    Args:
        trial: The run.

    Returns:
        Hexadecimal digest.
    """
    scenario = trial.case.build(trial.seed)
    learner = trial.learner(scenario.robot)
    code = code_digest(type(learner).__module__)
    config = getattr(learner, "config", None)
    text = f"{code} {trial.key} {trial.estimator} {trial.case.window(scenario)} {scenario!r} {config!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
