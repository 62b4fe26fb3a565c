"""The pure parts: explaining a message, planning a storm, a registry's mirrors; and whether they are linear."""

import json
import statistics
import time
from pathlib import Path

from shared.domain.cache_rules import CacheRule
from shared.domain.failures import diagnose
from shared.domain.host_mirrors import host_mirrors
from shared.domain.images import parse_reference
from shared.domain.mirrors import Mirrors
from shared.domain.planner import plan
from shared.domain.plans import PlannedImage
from shared.domain.policy_file import load_policy
from shared.domain.registries import RegistrySnapshot
from tests.bench.rows import Measured, median
from tests.fakes.application import POLICY, REGISTRY, limit_message

_FORMS = Path(__file__).parents[1] / "fixtures" / "failures"
"""Our own texts in every form that is read: runtimes, builders, Azure's services, wrapped, cut, several images."""

_EXPLAIN_US = 30.0
_PLAN_S = 0.5
_LINEAR = 2.6
"""Twice the work may take this many times as long, noise included; quadratic work takes four times as long."""

_TENFOLD = 20
"""The same for ten times the work: quadratic work takes a hundred times as long."""


def _explain(text: str, times: int = 2000) -> float:
    started = time.perf_counter()
    for _ in range(times):
        diagnose(text)
    return (time.perf_counter() - started) / times


def _explain_each(texts: list[str]) -> float:
    """The median over the texts, each by its best of five rounds, since others use the machine too."""
    return statistics.median(min(_explain(text, 40) for _ in range(5)) for text in texts)


def _forms() -> list[str]:
    return [
        json.loads(line)["text"]
        for file in sorted(_FORMS.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def _plan(failures: int) -> float:
    images = [f"library/app-{number % (failures // 5)}:{number % 7}" for number in range(failures)]
    wanted = [PlannedImage(text, parse_reference(text)) for text in images]
    rules = tuple(
        CacheRule(f"rule-{number:04d}", f"ghcr.io/a/b{number}", f"ghcr/a/b{number}") for number in range(failures // 10)
    )
    policy = load_policy(POLICY, path="bench")
    snapshot = RegistrySnapshot(id=REGISTRY, login_server="contoso.azurecr.io", rules=rules)
    started = time.perf_counter()
    plan(snapshot, wanted, policy, registry=policy.registries[0])
    return time.perf_counter() - started


def _mirrors(count: int) -> float:
    """A wildcard for each upstream, half of them side by side in one folder, and an image of each looked up."""
    rules = tuple(
        CacheRule(f"rule-{at:04d}", f"h{at}.example.com/team-{at}/*", f"{at if at % 2 else 'hub'}/team-{at}/*")
        for at in range(count)
    )
    snapshot = RegistrySnapshot(id=REGISTRY, login_server="contoso.azurecr.io", rules=rules)
    started = time.perf_counter()
    mirrors = Mirrors(snapshot)
    host_mirrors(mirrors)
    for rule in rules:
        mirrors.pull_from(f"{rule.source[:-1]}app")
    return time.perf_counter() - started


def measure() -> list[Measured]:
    """Medians of several rounds."""
    line = limit_message("nginx:1.27")
    micros = median([_explain(line) for _ in range(7)]) * 1e6
    texts = _forms()
    mixed = _explain_each(texts) * 1e6
    long = "failed to pull image nginx 429 toomanyrequests https://registry-1.docker.io/v2/ " * 6000
    growth = median([_explain(long[: len(long)], 3) / _explain(long[: len(long) // 2], 3) for _ in range(7)])
    seconds = median([_plan(10_000) for _ in range(5)])
    plan_growth = median([_plan(10_000) / _plan(5_000) for _ in range(5)])
    mirrors_growth = median([_mirrors(1_000) / _mirrors(100) for _ in range(7)])
    return [
        Measured("explain one kubelet message", f"{micros:.1f} us", f"{_EXPLAIN_US:g} us", held=micros <= _EXPLAIN_US),
        Measured(
            f"explain {len(texts)} texts in all forms, the median",
            f"{mixed:.1f} us",
            f"{_EXPLAIN_US:g} us",
            held=mixed <= _EXPLAIN_US,
        ),
        Measured("explain: twice the text takes", f"{growth:.2f} x", f"{_LINEAR} x", held=growth <= _LINEAR),
        Measured(
            "plan 10,000 failures of 2,000 images against 1,000 rules",
            f"{seconds:.3f} s",
            f"{_PLAN_S} s",
            held=seconds <= _PLAN_S,
        ),
        Measured("plan: twice the failures take", f"{plan_growth:.2f} x", f"{_LINEAR} x", held=plan_growth <= _LINEAR),
        Measured(
            "mirrors: ten times the rules, 1,000, take",
            f"{mirrors_growth:.1f} x",
            f"{_TENFOLD} x",
            held=mirrors_growth <= _TENFOLD,
        ),
    ]
