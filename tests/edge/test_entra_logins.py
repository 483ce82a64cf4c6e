"""What a login may be, and what an answer of Microsoft Entra means."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.entra.answers import Verdict, judge_application, judge_user
from edge.entra.logins import ApplicationLogin, UserLogin, read_application, read_user
from edge.explain import Question, explain
from handoff.sealed import new_key_pair
from tests.edge.door import edge_settings

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT = "11111111-2222-3333-4444-555555555555"
APPLICATION = ApplicationLogin(TENANT, CLIENT)


def short(guid: str) -> str:
    return urlsafe_b64encode(UUID(guid).bytes).decode().rstrip("=")


@pytest.mark.parametrize("delimiter", ["@", ":", "|"])
@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), short(TENANT), short(TENANT) + "=="])
@pytest.mark.parametrize("client", [CLIENT, short(CLIENT)])
@pytest.mark.parametrize("rest", ["", ".local", ".anything.at.all"])
def test_an_application_is_named_by_tenant_and_client(
    delimiter: str, tenant: str, client: str, rest: str
) -> None:
    assert APPLICATION == read_application(f"{tenant}{delimiter}{client}{rest}")


@pytest.mark.parametrize(
    "login",
    [
        "",
        "@",
        TENANT,
        f"{TENANT}{CLIENT}",
        f"{TENANT}@{CLIENT}@{CLIENT}",
        f"{TENANT}@{CLIENT[:-1]}",
        f"{TENANT}@{short(CLIENT)}A",
        f"{TENANT}/../x@{CLIENT}",
        "ann@contoso.com",
        "scanner",
    ],
)
def test_another_form_names_no_application(login: str) -> None:
    assert read_application(login) is None


@given(st.uuids(), st.uuids())
def test_both_forms_of_any_application_are_one(tenant: UUID, client: UUID) -> None:
    expected = ApplicationLogin(str(tenant), str(client))

    assert expected == read_application(f"{tenant}:{client}")
    assert expected == read_application(f"{short(str(tenant))}|{short(str(client))}")


@given(st.text())
def test_any_text_is_a_login_or_none(text: str) -> None:
    application, user = read_application(text), read_user(text)

    assert application is None or len(application.tenant) == 36
    assert user is None or not set(user.address) & set("/?#% \\\r\n:@@") - {"@"}


def test_a_user_is_named_by_the_address() -> None:
    assert UserLogin("ann@contoso.com") == read_user(" Ann@Contoso.com ")


@pytest.mark.parametrize(
    "login", ["ann", "@contoso.com", "ann@contoso", "a/b@contoso.com", "a?b@c.de", "a@b@c.de"]
)
def test_what_would_mean_something_in_a_web_address_names_no_user(login: str) -> None:
    assert read_user(login) is None


def refusal(number: int) -> dict[str, str]:
    return {"error": "invalid_client", "error_description": f"AADSTS{number}: No.\r\nTrace ID: 1"}


@pytest.mark.parametrize("number", [7000215, 7000222, 700016, 7000112, 90002, 65001, 53003])
def test_an_application_that_is_refused_is_wrong(number: int) -> None:
    judgement = judge_application(refusal(number))

    assert (Verdict.WRONG, f"AADSTS{number}") == judgement[:2]
    assert judgement.advice


@pytest.mark.parametrize("number", [50034, 50126, 50056, 50055, 50144, 50057, 50105])
def test_a_user_who_is_refused_is_wrong(number: int) -> None:
    assert (Verdict.WRONG, f"AADSTS{number}") == judge_user(refusal(number))[:2]


@pytest.mark.parametrize("number", [50076, 50079, 50072, 50074, 50158, 53003, 530032])
def test_a_refusal_for_want_of_a_second_factor_says_what_to_do(number: int) -> None:
    judgement = judge_user(refusal(number))

    assert judgement.verdict is Verdict.WRONG
    assert "Use a device with its own password" in judgement.advice


@pytest.mark.parametrize("number", [50033, 90006, 90024, 90033, 90090, 90055, 50196, 999999])
def test_whatever_may_pass_is_no_refusal(number: int) -> None:
    assert judge_user(refusal(number)).verdict is Verdict.LATER
    assert judge_application(refusal(number)).verdict is Verdict.LATER


@pytest.mark.parametrize("number", [7000215, 7000218, 7000222, 700016])
def test_a_fault_of_our_own_application_is_not_the_users(number: int) -> None:
    judgement = judge_user(refusal(number))

    assert judgement.verdict is Verdict.LATER
    assert "[entra.users]" in judgement.advice


def test_a_locked_account_is_left_alone() -> None:
    assert judge_user(refusal(50053)).verdict is Verdict.LOCKED


@pytest.mark.parametrize("answer", [{}, {"error": "temporarily_unavailable"}, {"error": "x" * 99}])
def test_an_answer_without_a_number_is_no_verdict(answer: dict[str, str]) -> None:
    assert judge_user(answer).verdict is Verdict.LATER


@pytest.mark.parametrize(
    ("reverse_path", "rule"), [("erp@contoso.com", None), ("", "entra")], ids=["mailbox", "none"]
)
def test_explain_knows_who_would_sign_in_with_entra(
    tmp_path: Path, reverse_path: str, rule: str | None
) -> None:
    entra = {"tenants": [TENANT], "sealing_key": new_key_pair()[1]}
    settings = edge_settings(tmp_path, entra=entra)
    question = Question(ip_address("10.0.0.1"), f"{TENANT}@{CLIENT}", reverse_path, "a@b.org")
    (finding,) = explain(settings, question, datetime.now(UTC))

    assert rule == (finding.refusal and finding.refusal.rule)
    assert "if Microsoft Entra agrees" in finding.found_by
