"""Pages beside the work: what the app says of itself, and of what is not there."""

from shared.application.doctor.findings import Finding, Verdict, report_of
from shared.console.html import el
from shared.console.other_pages import health_page


class TestHealth:
    """What the doctor found."""

    def test_what_the_app_can_not_know_is_no_task(self) -> None:
        """It stands last, without a card and without a word that sounds like trouble."""
        page = str(
            el(
                "main",
                health_page(
                    report_of(
                        [
                            Finding(Verdict.UNKNOWN, "no right", "somebody who may look", what="alert rules"),
                            Finding(Verdict.OK, "the tables answer", what="storage"),
                        ]
                    )
                ).body,
            )
        )

        assert "To look at" not in page
        assert page.index("the tables answer") < page.index("Not known from here") < page.index("no right")

    def test_what_is_wrong_comes_first_with_what_mends_it(self) -> None:
        """The worst before the others."""
        findings = [
            Finding(Verdict.WARNING, "old", "new", ("az update",), what="templates"),
            Finding(Verdict.FAILING, "gone", "there", ("az make",), what="queues"),
        ]
        page = str(el("main", health_page(report_of(findings)).body))

        assert page.index("To look at") < page.index("az make") < page.index("az update")
