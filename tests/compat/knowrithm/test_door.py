"""What is told of a request before and beside its route: its path, its key, whether its caller reads bare lists. Pure."""

from __future__ import annotations

import json

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from palaver.compat.knowrithm.door import CODES, pair_of, refusal, secret_of, straight, whole_key
from palaver.compat.knowrithm.paging import is_plain
from palaver.compat.knowrithm.schemas import AgentCreate, KeyCreate, LeadCreate, Numbers, Period
from palaver.compat.knowrithm.streams import ChatEvents, piece, piece_frame
from palaver.compat.knowrithm.translate import granted, lead_fields, scope_of
from palaver.errors import InvalidInput, TurnInProgress, Unauthenticated
from palaver.events import retrieval_done, text_delta
from palaver.tenant import Scope
from palaver.wire.checking import check

SECRET = "pk_0123abcd_" + "s_" * 21 + "x"


@pytest.mark.parametrize(
    ("path", "straightened"),
    [
        ("/api/v1/conversation", "/v1/conversation"),
        ("/v1/conversation", "/v1/conversation"),
        ("//v1//conversation/x", "/v1/conversation/x"),
        ("/api//v1/agent/by-name/a//b", "/v1/agent/by-name/a//b"),
        ("/v2/conversation", "/v2/conversation"),
        ("/api/conversation", "/api/conversation"),
    ],
)
def test_a_path_has_one_form(path: str, straightened: str) -> None:
    """Doubled slashes and ``/api`` go from the front; what a name holds stays."""
    assert straight(path) == straightened


def test_a_pair_is_a_key_in_two_halves() -> None:
    """The halves of a key make it again; a whole key stands for itself, whatever secret comes along."""
    key, secret = pair_of(SECRET)
    assert (key, len(secret)) == ("ak_0123abcd", 43)
    assert whole_key(key, secret) == SECRET
    assert whole_key(SECRET, "any") == SECRET
    assert whole_key(SECRET.replace("pk_", "ak_"), "") == SECRET


def test_where_the_key_is_shown() -> None:
    """A bearer token goes before the key of the session; with neither, nobody is calling."""
    key, secret = pair_of(SECRET)
    both = {"X-API-Key": key, "X-API-Secret": secret}
    assert secret_of(Headers(both)) == SECRET
    assert secret_of(Headers({**both, "Authorization": "Bearer other"})) == "other"
    with pytest.raises(Unauthenticated):
        secret_of(Headers({"X-API-Secret": secret}))


def request(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "query_string": query.encode(), "headers": raw})


def test_who_reads_bare_lists() -> None:
    """Who asks by limit and offset or sorts, and the oldest releases, which say the type of no body."""
    assert is_plain(request("limit=5"))
    assert is_plain(request("agent_id=x&sort_by=started_at"))
    assert is_plain(request(content_type="application/json; charset=utf-8"))
    assert not is_plain(request("page=1&per_page=5"))
    assert not is_plain(request(content_type="text/plain"))


def test_an_error_says_the_same_everywhere() -> None:
    """Text is plain text under every name, the words are the documented ones, and what is wrong with input is 400."""
    answer = refusal(InvalidInput("No.", code="empty_message", errors=[{"path": "text"}]), 422)
    said = json.loads(answer.body)
    assert (answer.status_code, said["code"]) == (400, CODES[400])
    assert said["error"] == said["message"] == said["detail"] == "No."
    assert said["details"] == {"code": "empty_message", "errors": [{"path": "text"}]}
    assert json.loads(refusal(TurnInProgress("Busy.", turn_id="turn_1"), 409).body)["details"]["turn_id"] == "turn_1"
    assert json.loads(refusal(InvalidInput("?"), 418).body)["code"] == "SERVER_ERROR"


def test_scopes_are_told_in_their_words() -> None:
    """The least scope of ours that holds all that is asked for; an unknown word is refused."""
    assert scope_of(["read"]) is Scope.READ
    assert scope_of(["read", "delete"]) is Scope.WRITE
    assert scope_of(["full_access", "read"]) is Scope.ADMIN
    assert granted(Scope.OPERATOR)[-1] == "full_access"
    with pytest.raises(ValueError, match="One of"):
        scope_of(["root"])
    assert check(KeyCreate, {"permissions": {"read": True, "admin": False}}).words() == ["read"]
    assert check(KeyCreate, {}).words() == ["write"]


def test_numbers_are_pages_or_stretches() -> None:
    """A page by its number, or a stretch by its offset, never more than 200 rows."""
    assert (check(Numbers, {}).start, check(Numbers, {}).size) == (0, 50)
    assert check(Numbers, {"page": "3", "per_page": "20"}).start == 40
    assert (check(Numbers, {"limit": "5", "offset": "7"}).start, check(Numbers, {"limit": 5}).size) == (7, 5)
    for wrong in ({"page": "0"}, {"per_page": "201"}, {"limit": "-1"}, {"offset": "x"}, {"page": "9" * 20}):
        with pytest.raises(InvalidInput) as refused:
            check(Numbers, wrong)
        assert refused.value.code == "invalid_page"


def test_days_are_meant_whole() -> None:
    """A day stands for its begin at the front, for its end at the back; a time without an offset is UTC."""
    period = check(Period, {"start_date": "2026-01-31", "end_date": "2026-01-31"})
    assert str(period.start_date) == "2026-01-31 00:00:00+00:00"
    assert str(period.end_date) == "2026-02-01 00:00:00+00:00"
    assert str(check(Period, {"end_date": "2026-01-31T10:00:00"}).end_date) == "2026-01-31 10:00:00+00:00"
    with pytest.raises(InvalidInput):
        check(Period, {"start_date": "2026-02-31"})


def test_an_agent_is_a_bot() -> None:
    """Providers and models are names, wherever they stand; what has no place is kept; keys of providers are refused."""
    said = {"name": "a", "languages": ["de"], "llm_model": "x:y", "id": "bot_1", "settings": {"llm_temperature": 0.5}}
    assert check(AgentCreate, said).bot_fields() == {
        "name": "a",
        "model": "x:y",
        "params": {"temperature": 0.5},
        "metadata": {"languages": ["de"]},
    }
    with pytest.raises(InvalidInput, match="server's settings"):
        check(AgentCreate, {"name": "a", "settings": {"llm_api_base_url": "http://localhost"}})


def test_a_lead_is_an_entity() -> None:
    """Parts of a name make the name, and are kept; so is everything that has no place."""
    lead = check(LeadCreate, {"first_name": "Ada", "last_name": "L", "phone": "1", "metadata": {"source": "fair"}})
    assert lead_fields(lead.given(), lead.further()) == {
        "name": "Ada L",
        "metadata": {"phone": "1", "source": "fair", "first_name": "Ada", "last_name": "L"},
    }


def test_what_is_not_for_the_clients_is_not_sent() -> None:
    """Events that have no text and tell of no state are passed over in both forms of a stream."""
    found = retrieval_done(2, ())
    assert ChatEvents("conv_1").frame(found) == piece_frame(found) == ""
    assert piece(found) is None
    assert piece_frame(text_delta(3, "\u2028")) == 'data: {"content":"\\u2028"}\n\n'
