"""Answer an operator's probe: what this function app can do, without sending anything."""

from collections.abc import Iterator

from function_app.log import log
from function_app.means import Means
from handoff.findings import Finding, write_findings
from handoff.signals import Probe


def answer(probe: Probe, means: Means) -> None:
    """Write the findings where the operator waits for them. Storage faults pass through."""
    now = means.now()
    findings = [
        Finding("G01", "function app", "ok", "It runs, and its settings hold."),
        *_of_provider(probe, means),
    ]
    write_findings(probe.id, findings, now, means.storage.status)
    log("probed", id=probe.id, failed=sum(one.verdict == "fail" for one in findings))


def _of_provider(probe: Probe, means: Means) -> Iterator[Finding]:
    provider = means.provider_of(probe.identity)
    if provider is None:
        name = probe.identity
        yield Finding(
            "G02",
            "token",
            "fail",
            f'It knows no sending identity "{name}".',
            "unknown-identity",
            f"Set IDENTITY__{name.upper()}__PROVIDER and its other settings.",
        )
    else:
        yield from provider.probe(probe.mailbox, probe.id)
