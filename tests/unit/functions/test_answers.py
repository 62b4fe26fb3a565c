"""What every answer of the HTTP interface has in common, and whom the app believes about who is calling."""

import azure.functions as func
import pytest

from functions.answers import answered, signed_in


@pytest.mark.parametrize(("switch", "name"), [(None, None), ("", None), ("False", None), ("True", "ada@contoso.com")])
def test_a_name_counts_while_the_platform_signs_people_in(
    switch: str | None, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever has the function key could put anybody's name into the audit trail."""
    if switch is None:
        monkeypatch.delenv("WEBSITE_AUTH_ENABLED", raising=False)
    else:
        monkeypatch.setenv("WEBSITE_AUTH_ENABLED", switch)
    headers = {"x-ms-client-principal-name": "ada@contoso.com"}

    assert signed_in(func.HttpRequest(method="POST", url="/api/x", headers=headers, body=b"")) == name


async def test_no_answer_is_kept_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may stand in its address; here that of an app without settings, which is out of order."""
    for name in ("CACHEWARDEN_POLICY", "AzureWebJobsStorage"):
        monkeypatch.delenv(name, raising=False)

    answer = await answered(lambda app: app.reports.health())

    assert answer.status_code == 503
    assert dict(answer.headers)["Cache-Control"] == "no-store"
    assert "Retry-After" in dict(answer.headers)
