"""Which identity sends to whom: routes, fallbacks, and settings that make no sense."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.legs import legs_of
from function_app.settings import Settings, SettingsError
from handoff.ledger import Delivery
from handoff.marks import IN_DOUBT, SENT, marked
from handoff.routing import Fallback, Leg, Past, Route, Routes
from handoff.ticket import Ticket
from tests.builders import NOW, a_ticket

INSIDE = Route("10", "graph", recipient_domains=("contoso.com", "*.contoso.com"))
OUTSIDE = Route("20", "smarthost", recipient_domains=("*",))
LATE = Past(age=timedelta(hours=1), has_waited=True)
BACKED = Routes(fallbacks={"default": Fallback("spare", timedelta(minutes=30))})
KNOWN = {
    "MailStorage": "UseDevelopmentStorage=true",
    "IDENTITY__OUT__PROVIDER": "smarthost",
    "IDENTITY__OUT__HOST": "mx.contoso.com",
}


def legs(routes: Routes, ticket: Ticket, past: Past | None = None) -> list[tuple[str, ...]]:
    found = routes.legs(ticket, ticket.envelope.forward_paths, past or Past())
    return [(leg.identity, *leg.forward_paths) for leg in found]


def test_without_routes_the_ticket_decides() -> None:
    assert [("plant", "a@x.org", "b@y.org")] == legs(
        Routes(), a_ticket(to=("a@x.org", "b@y.org"), identity="Plant")
    )


def test_each_recipient_goes_by_the_first_route_that_fits() -> None:
    ticket = a_ticket(to=("a@x.org", "B@Contoso.com", "c@sub.contoso.com", "d@notcontoso.com"))

    assert [
        ("smarthost", "a@x.org", "d@notcontoso.com"),
        ("graph", "B@Contoso.com", "c@sub.contoso.com"),
    ] == legs(Routes((INSIDE, OUTSIDE)), ticket)


FITS = {
    "device": (Route("1", "out", devices=("scanner-*",)), {"device": "Scanner-2f"}, "out"),
    "other device": (Route("1", "out", devices=("scanner-*",)), {"device": "erp"}, "default"),
    "sender": (Route("1", "out", sender_domains=("contoso.com",)), {}, "out"),
    "sender that may speak for itself": (
        Route("1", "out", sender_domains=("fabrikam.com",)),
        {"sender": "x@fabrikam.com", "from_policy": "keep"},
        "out",
    ),
    "sender that is rewritten": (
        Route("1", "out", sender_domains=("fabrikam.com",)),
        {"sender": "x@fabrikam.com"},
        "default",
    ),
    "one of two conditions": (
        Route("1", "out", devices=("scanner-2f",), recipient_domains=("x.org",)),
        {},
        "default",
    ),
}


@pytest.mark.parametrize(("route", "ticket", "identity"), FITS.values(), ids=FITS)
def test_a_route_fits_when_all_that_it_names_fits(
    route: Route, ticket: dict[str, Any], identity: str
) -> None:
    assert [(identity, "ann@contoso.com")] == legs(Routes((route,)), a_ticket(**ticket))


def test_a_clients_own_right_opens_no_other_way() -> None:
    ticket = a_ticket()
    send_as = ticket.send_as.model_copy(update={"sealed": "a.b.c.d.e"})

    ticket = ticket.model_copy(update={"send_as": send_as})

    assert [("default", "ann@contoso.com")] == legs(Routes((OUTSIDE,)), ticket)
    assert [("default", "ann@contoso.com")] == legs(BACKED, ticket, LATE)


NOT_BY_FALLBACK = {
    "young": replace(LATE, age=timedelta(minutes=29)),
    "never tried": replace(LATE, has_waited=False),
    "may have been sent": replace(LATE, may_change=False),
    "it was the fallback's turn": replace(LATE, fell_back=True),
}


@pytest.mark.parametrize("past", NOT_BY_FALLBACK.values(), ids=NOT_BY_FALLBACK)
def test_the_first_identity_goes_on(past: Past) -> None:
    assert [("default", "ann@contoso.com")] == legs(BACKED, a_ticket(), past)


def test_the_fallback_sends_what_has_waited_for_long() -> None:
    assert [("spare", "ann@contoso.com")] == legs(BACKED, a_ticket(), LATE)


domains = st.sampled_from(["contoso.com", "x.org", "sub.contoso.com", "y.org"])
paths = st.lists(st.builds("{}@{}".format, st.sampled_from("abcdef"), domains), min_size=1)
routes = st.lists(
    st.builds(
        Route,
        st.just("1"),
        st.sampled_from(["default", "graph", "smarthost"]),
        recipient_domains=st.tuples(domains),
    )
)


@given(paths, routes, st.booleans(), st.booleans())
def test_no_recipient_stands_in_two_legs_and_none_is_missing(
    paths: list[str], routes: list[Route], is_late: bool, is_in_doubt: bool
) -> None:
    ticket = a_ticket(to=tuple(paths))
    row = Delivery.opened(ticket, "m", NOW, timedelta(minutes=6))
    done, doubted = paths[0], paths[-1]
    marks = marked("", tuple(paths), [doubted], IN_DOUBT if is_in_doubt else ".")
    row = replace(
        row,
        marks=marked(marks, tuple(paths), [done], SENT),
        unsure_since=NOW if is_in_doubt else None,
        identity="graph",
    )
    both = Routes(tuple(routes), BACKED.fallbacks)

    found = legs_of(ticket, row, LATE if is_late else Past(), both)

    named = [path for leg in found for path in leg.forward_paths]
    assert sorted(set(paths) - {done}) == sorted(named)


def test_a_doubt_comes_first_and_keeps_its_identity() -> None:
    paths = ("a@contoso.com", "b@x.org", "c@x.org")
    ticket = a_ticket(to=paths)
    row = replace(
        Delivery.opened(ticket, "m", NOW, timedelta(minutes=6)),
        identity="smarthost",
        unsure_since=NOW,
        marks=marked("", paths, ["c@x.org"], IN_DOUBT),
    )

    found = legs_of(ticket, row, Past(), Routes((INSIDE,)))

    assert Leg("smarthost", ("c@x.org",)) == found[0]
    assert [Leg("graph", ("a@contoso.com",)), Leg("default", ("b@x.org",))] == [*found[1:]]


def test_routes_are_read_in_the_order_of_their_names() -> None:
    found = Settings.from_env(
        KNOWN
        | {
            "ROUTE__10__RECIPIENT_DOMAIN": "*",
            "ROUTE__10__IDENTITY": "out",
            "route__9__recipient_domain": "Contoso.com, *.contoso.com",
            "ROUTE__9__IDENTITY": "Default",
            "IDENTITY__DEFAULT__FALLBACK": "OUT",
            "IDENTITY__DEFAULT__FALLBACK_AFTER": "2h",
        }
    ).routes

    assert ["9", "10"] == [route.name for route in found.routes]
    assert ("contoso.com", "*.contoso.com") == found.routes[0].recipient_domains
    assert {"default": Fallback("out", timedelta(hours=2))} == found.fallbacks


WRONG = [
    ({"ROUTE__1__IDENTITY": "out"}, "ROUTE__1__IDENTITY: the route fits every mail"),
    ({"ROUTE__1__DEVICE": "x"}, "ROUTE__1__IDENTITY: set it"),
    ({"ROUTE__1__DEVICE": "x", "ROUTE__1__IDENTITY": "nobody"}, "there is no identity nobody"),
    ({"ROUTE__1__DEVIEC": "x"}, "did you mean DEVICE?"),
    ({"ROUTE__DEVICE": "x"}, "write ROUTE__<NAME>__<KEY>"),
    (
        {"ROUTE__1__IDENTITY": "out", "ROUTE__1__RECIPIENT_DOMAIN": "a@contoso.com"},
        '"a@contoso.com" is no domain',
    ),
    ({"IDENTITY__OUT__FALLBACK": "out"}, "write the name of another identity"),
    ({"IDENTITY__OUT__FALLBACK": "nobody"}, "write the name of another identity"),
    ({"IDENTITY__OUT__FALLBACK_AFTER": "soon"}, "this is no duration"),
]


@pytest.mark.parametrize(("settings", "fault"), WRONG, ids=lambda value: str(value)[:40])
def test_a_route_that_makes_no_sense_is_told(settings: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(KNOWN | settings)

    assert any(fault in one for one in caught.value.faults)
