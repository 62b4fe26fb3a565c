"""The templates hold together: what a compiler would refuse is refused here, where there is none."""

import json
import re
from itertools import pairwise

import pytest

from sandbox.arm.conditions import parse_condition
from tests.infra.templates import INFRA, Template, accessors, data, module, template, templates

MAIN = template(INFRA / "main.bicep")
WIRING = template(INFRA / "wiring.bicep")
SUFFIX = "a" * 13
"""As long as what `uniqueString` gives (documented)."""
LONGEST = {
    "stcw": 24,
    "kv-cw-": 24,
    "func-cachewarden-": 60,
    "plan-cachewarden-": 60,
    "evgt-cachewarden-": 50,
    "evgst-": 50,
    "id-cachewarden-": 128,
    "log-cachewarden-": 63,
    "appi-cachewarden-": 255,
    "vnet-cachewarden-": 64,
    "rg-cachewarden-": 90,
}
"""How long Azure lets the names be (documented, resource-name-rules), by their beginnings."""


@pytest.fixture(params=templates(), ids=lambda one: one.name)
def one(request: pytest.FixtureRequest) -> Template:
    """Each template."""
    found: Template = request.param
    return found


class TestEachTemplate:
    """What holds for every file."""

    def test_calls_modules_of_this_folder_with_the_parameters_that_they_have(self, one: Template) -> None:
        """None comes from a registry, none is called with too much or too little."""
        for name, called in one.section("modules").items():
            assert called["type"] == "local", name
            target, given = one.called(name), set(one.body("modules", name).get("params", {}))

            assert given <= set(target.section("parameters")), name
            assert target.required <= given, name

    def test_refers_to_what_is_declared(self, one: Template) -> None:
        """Every root of an accessor is declared in the file, and every output that is read is one of its module's."""
        declared = {name for kind in ("parameters", "variables", "resources", "modules") for name in one.section(kind)}
        loops = set(re.findall(r"\[for \(?(\w+)", one.text)) | set(re.findall(r"\(\w+, (\w+)\) in", one.text))
        lambdas = set(re.findall(r"(\w+) =>", one.text))
        for path in accessors(one.tree):
            assert path[0] in declared | loops | lambdas, ".".join(path)
        for name, output in re.findall(r"(\w+)(?:\[\w+\])?\.\??outputs\.(\w+)", one.text):
            assert output in one.called(name).section("outputs"), f"{name}.outputs.{output}"

    def test_uses_what_it_declares(self, one: Template) -> None:
        """No parameter and no variable is there for nothing."""
        for name in (*one.section("parameters"), *one.section("variables")):
            assert len(re.findall(rf"\b{name}\b", one.text)) > 1, name

    def test_names_an_api_version_that_is_no_preview(self, one: Template) -> None:
        """Previews are withdrawn."""
        for name, resource in one.section("resources").items():
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", resource["api_version"]), name

    def test_loads_files_that_are_there(self, one: Template) -> None:
        """Queries, roles and queues stand beside the templates."""
        for path in re.findall(r"load(?:Text|Json)Content\('([^']+)'\)", one.text):
            assert (one.path.parent / path).is_file(), path


def _quoted(line: str) -> list[str]:
    """The texts in single quotes of a line, with what is interpolated in them; none of a comment or a description."""
    if line.lstrip().startswith(("//", "@")):
        return []
    return re.findall(r"'((?:\$\{(?:[^{}']|'[^']*')*\}|[^'$])+)'", line)


class TestMain:
    """infra/main.bicep."""

    @pytest.mark.parametrize("file", ["main.parameters.json", "examples/contoso.parameters.json"])
    def test_its_parameter_files_know_its_parameters(self, file: str) -> None:
        """They give what has no default, and nothing that is unknown."""
        given = set(data(file)["parameters"])

        assert given <= set(MAIN.section("parameters"))
        assert given >= MAIN.required

    def test_its_output_is_what_the_wiring_wants(self) -> None:
        """The hook adds what it looked up, and nothing else."""
        wanted = set(WIRING.section("parameters"))

        assert set(MAIN.section("outputs")["WIRING"]["value"]) == wanted - {"functions", "secrets"}

    def test_names_are_short_enough(self) -> None:
        """With the longest that their parts can be."""
        texts = {text for line in MAIN.text.splitlines() for text in _quoted(line)}
        for beginning, longest in LONGEST.items():
            found = [text for text in texts if text.startswith(beginning)]
            assert found, beginning
            for text in found:
                name = text.replace("${suffix}", SUFFIX).replace("${environmentName}", "e" * 32)
                name = re.sub(r"\$\{take\(.*, (\d+)\)\}", lambda match: "n" * int(match[1]), name)
                name = re.sub(r"\$\{uniqueString\(\w+\)\}", SUFFIX, name)
                assert "$" not in name
                assert len(name) <= longest, name

    def test_order_of_deployment_needs_no_function(self) -> None:
        """What points at a function is made by wiring.bicep: the function is not there yet."""
        made = {
            resource["type"]
            for name in MAIN.section("modules")
            for resource in MAIN.called(name).section("resources").values()
            if not resource["existing"]
        }

        assert "Microsoft.EventGrid/systemTopics/eventSubscriptions" not in made
        assert not any("azureFunctionReceivers" in MAIN.called(name).text for name in MAIN.section("modules"))


class TestSecurity:
    """What must not slip."""

    def test_no_key_opens_anything(self) -> None:
        """Shared keys, local authentication and publishing passwords are off; the one key is the action group's."""
        [account] = module("storage").of_type("Microsoft.Storage/storageAccounts").values()
        [topic] = module("topic").of_type("Microsoft.EventGrid/topics").values()
        [component] = module("monitoring").of_type("Microsoft.Insights/components").values()
        [publishing] = module("app").of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies").values()

        assert account["properties"]["allowSharedKeyAccess"] is False
        assert account["properties"]["allowBlobPublicAccess"] is False
        assert topic["properties"]["disableLocalAuth"] is True
        assert component["properties"]["DisableLocalAuth"] is True
        assert publishing["properties"]["allow"] is False
        keys = [one.name for one in templates() if "listKeys(" in one.text]
        assert keys == ["modules/pull-alerts.bicep"]
        assert not [one.name for one in templates() if re.search(r"AccountKey|SharedAccess|@secure", one.text)]

    def test_everything_is_encrypted_on_the_way(self) -> None:
        """TLS 1.2 at least, and no plain HTTP."""
        [account] = module("storage").of_type("Microsoft.Storage/storageAccounts").values()
        [topic] = module("topic").of_type("Microsoft.EventGrid/topics").values()
        [app] = module("app").of_type("Microsoft.Web/sites").values()

        assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
        assert account["properties"]["supportsHttpsTrafficOnly"] is True
        assert topic["properties"]["minimumTlsVersionAllowed"] == "1.2"
        assert app["properties"]["httpsOnly"] is True
        assert app["properties"]["siteConfig"]["minTlsVersion"] == "1.2"
        assert app["properties"]["siteConfig"]["ftpsState"] == "Disabled"

    def test_the_vault_is_by_roles_and_recoverable(self) -> None:
        """No access policies, soft delete, purge protection; the registry comes in as a trusted service."""
        [vault] = module("vault").of_type("Microsoft.KeyVault/vaults").values()
        properties = vault["properties"]

        assert properties["enableRbacAuthorization"] is True
        assert properties["enablePurgeProtection"] is True
        assert properties["networkAcls"]["bypass"] == "AzureServices"

    @pytest.mark.parametrize("name", ["storage", "vault"])
    def test_a_network_closes_the_public_side(self, name: str) -> None:
        """`publicAccess` decides on both switches, and is the opposite of `vnetEnabled`."""
        text = module(name).text

        assert "publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'" in text
        assert "defaultAction: publicAccess ? 'Allow' : 'Deny'" in text
        assert MAIN.text.count("publicAccess: !vnetEnabled") == 2

    def test_the_condition_is_one_that_azure_reads(self) -> None:
        """It parses, also over several lines."""
        text = (INFRA / "only-secrets-user.condition").read_text(encoding="utf-8")

        assert parse_condition(text)

    def test_each_skip_of_checkov_has_its_reason(self) -> None:
        """A comment stands above every check, or every group of checks, that is left out."""
        lines = (INFRA / ".checkov.yaml").read_text(encoding="utf-8").split("skip-check:\n")[1].splitlines()

        assert lines[0].lstrip().startswith("#")
        assert all(len(line.strip()) > 30 for line in lines if line.lstrip().startswith("#"))
        assert not [pair for pair in pairwise(lines) if pair[0].lstrip()[:1] == pair[1].lstrip()[:1] == "#"]

    def test_parameter_files_are_json(self) -> None:
        """Every JSON file of the folder is, and there are some."""
        documents = [json.loads(path.read_text(encoding="utf-8")) for path in INFRA.rglob("*.json")]

        assert documents
