"""What is deployed is consistent: images, composition, alerts, dashboards, the shipper of logs."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from common.testing.prometheus import found

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARDS = sorted(DEPLOY.glob("grafana/dashboards/*.json"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name for name, one in COMPOSE["services"].items() if "cartulary/" in one["image"]}


def anchors(document: Path) -> set[str]:
    """The fragments that its headings can be reached by, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook_and_says_how_bad_it_is(rule: dict[str, Any]) -> None:
    path, _, fragment = rule["annotations"]["runbook"].partition("#")

    assert fragment in anchors(ROOT / path)
    assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.integration
@pytest.mark.parametrize(
    "question",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_tool_finds_no_fault(question: tuple[str, str, str]) -> None:
    command = [found("promtool"), *question]
    done = subprocess.run(command, cwd=DEPLOY / "prometheus", capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_proved_to_fire_and_to_stay_silent() -> None:
    proofs = yaml.safe_load((DEPLOY / "prometheus/alerts.test.yml").read_text())["tests"]
    expected = {f"{r['alert']} {what}" for r in RULES for what in ("fires", "stays silent")}

    assert {proof["name"] for proof in proofs} == expected


def test_everything_that_is_scraped_is_composed() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]

    serving = {n for n in OURS if not n.endswith("-prepare")} - {"stripe-twin", "tools"}
    assert {job["job_name"] for job in jobs} == {*serving, "rabbitmq", "prometheus"}


def test_our_containers_may_write_nothing_and_have_no_rights() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name


def test_only_what_people_look_at_is_published_and_only_on_this_machine() -> None:
    published = {n: s["ports"] for n, s in COMPOSE["services"].items() if "ports" in s}

    assert set(published) == {"gateway", "grafana", "mail", "stripe-twin"}
    assert all(":-127.0.0.1:" in ports[0] for ports in published.values())


def test_secrets_are_made_once_and_never_changed(tmp_path: Path) -> None:
    env = tmp_path / "env"
    make = [sys.executable, str(DEPLOY / "make_env.py"), str(env)]
    env.write_text("PUBLIC_URL=https://cards.example.org")  # and no line end
    for _ in range(2):
        subprocess.run(make, check=True, capture_output=True)
        first, made = env.read_text(), dict(one.split("=", 1) for one in env.read_text().split())
    assert first == env.read_text()
    assert env.stat().st_mode & 0o777 == 0o600
    assert made["PUBLIC_URL"] == "https://cards.example.org"
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert required <= set(made)
    secrets = [made[name] for name in required - {"PUBLIC_URL"}]
    assert len(set(secrets)) == len(secrets)


@pytest.mark.parametrize(
    "present",
    ["STRIPE_SECRET_KEY=sk_live_1", "COMPOSE_PROFILES=", "STRIPE_WEBHOOK_SECRETS=whsec_1"],
)
def test_whoever_has_decided_how_to_be_paid_gets_no_twin(tmp_path: Path, present: str) -> None:
    env = tmp_path / "env"
    env.write_text(f"{present}\n")
    make = [sys.executable, str(DEPLOY / "make_env.py"), str(env)]
    subprocess.run(make, check=True, capture_output=True)

    names = {line.partition("=")[0] for line in env.read_text().splitlines()}
    assert {n for n in names if "STRIPE" in n} <= {present.partition("=")[0]}
    assert "BILLING_ENVIRONMENT" not in names


def test_only_billing_may_leave_production_and_only_where_it_is_told_to() -> None:
    environments = {
        name: COMPOSE["services"][name]["environment"].get("ENVIRONMENT")
        for name in OURS - {"stripe-twin"}
    }

    billing = {name for name in environments if name.startswith("billing")}
    assert {environments.pop(name) for name in billing} == {"${BILLING_ENVIRONMENT:-production}"}
    assert set(environments.values()) == {"production"}


@pytest.mark.parametrize("name", ["auth", "cards", "gateway"])
def test_an_image_has_no_neighbour(name: str, tmp_path: Path) -> None:
    script = str(DEPLOY / "image/members.py")
    subprocess.run([sys.executable, script, name, str(tmp_path)], check=True)

    assert {folder.name for folder in (tmp_path / "sources").iterdir()} == {"common", name}
    asked = (tmp_path / "locked/requirements.txt").read_text()
    assert ("argon2" in asked, "segno" in asked) == (name == "auth", name == "cards")


def test_a_package_that_is_locked_for_several_versions_of_python_is_installed_in_each() -> None:
    script = runpy.run_path(str(DEPLOY / "image/install_locked.py"))
    lock = (
        "a-b==1 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n"
        "a-b==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:01\n"
        "c==3 \\\n    --hash=sha256:02\n"
    )

    locked = script["entries"](lock)

    assert script["pinned"](locked, ["A_b"]) == lock[: lock.index("c==3")]
    assert script["versions"](locked).splitlines() == [
        "a-b==1 ; python_full_version < '3.12'",
        "a-b==2 ; python_full_version >= '3.12'",
        "c==3",
    ]


def test_the_image_of_the_tools_has_all_members(tmp_path: Path) -> None:
    script = str(DEPLOY / "image/members.py")
    subprocess.run([sys.executable, script, "cartulary", str(tmp_path)], check=True)

    members = {file.parent.name for file in ROOT.glob("*/*/pyproject.toml")}
    assert {folder.name for folder in (tmp_path / "sources").iterdir()} == members
    assert "stripe_twin" not in (tmp_path / "locked/requirements.txt").read_text()


@pytest.mark.integration
@pytest.mark.parametrize("name", ["billing", "cards"])
def test_who_keeps_no_files_needs_no_library_for_them(name: str) -> None:
    """Its image does not have it."""
    without = f"import sys; sys.modules['obstore'] = None; import {name}.main, {name}.worker"
    done = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_an_image_of_nothing_known_is_refused(tmp_path: Path) -> None:
    script = str(DEPLOY / "image/members.py")
    done = subprocess.run(
        [sys.executable, script, "nobody", str(tmp_path)], capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "SERVICE=nobody: is none of auth, billing, cards" in done.stderr


def test_dashboards_have_names_of_their_own_and_a_source_that_is_there() -> None:
    folder = DEPLOY / "grafana"
    sources = yaml.safe_load((folder / "provisioning/datasources/datasources.yaml").read_text())
    dashboards = [json.loads(file.read_text()) for file in (folder / "dashboards").glob("*.json")]

    assert len({dashboard["uid"] for dashboard in dashboards}) == len(dashboards) >= 3
    used = {p["datasource"]["uid"] for dashboard in dashboards for p in dashboard["panels"]}
    assert used <= {source["uid"] for source in sources["datasources"]}


@pytest.mark.parametrize(
    "file", sorted(DEPLOY.glob("grafana/dashboards/*.json")), ids=lambda f: f.stem
)
@pytest.mark.parametrize("values", [[], ["0"], ["0", "12.5", "NaN", "4e9"]], ids=len)
def test_a_dashboard_can_be_drawn_whatever_there_is_to_see(file: Path, values: list[str]) -> None:
    script = runpy.run_path(str(DEPLOY / "draw_dashboard.py"))
    dashboard = json.loads(file.read_text())
    found = [{"metric": {"status": "<&>"}, "values": [[n, v] for n, v in enumerate(values)]}]

    drawn = ElementTree.fromstring(script["picture"](dashboard, lambda _: found, 1000))

    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {panel["title"] for panel in dashboard["panels"]} <= texts


def test_the_shipper_hands_lines_on_only_to_what_it_declares() -> None:
    text = (DEPLOY / "alloy/config.alloy").read_text()
    code = re.sub(r'"[^"]*"', '""', re.sub(r"//.*", "", text))
    blocks = re.findall(r'^([a-z_.]+) "(\w+)" \{', text, re.MULTILINE)
    used = re.findall(r"(?:=\s*\[?)((?:\w+\.){2,}\w+)", code)

    assert code.count("{") == code.count("}")
    declared = {f"{kind}.{label}" for kind, label in blocks}
    assert used
    assert {name.rpartition(".")[0] for name in used} <= declared


def test_loki_keeps_logs_for_as_long_as_it_says_and_where_a_volume_is() -> None:
    loki = yaml.safe_load((DEPLOY / "loki/loki.yaml").read_text())

    assert loki["compactor"]["retention_enabled"]
    assert loki["limits_config"]["retention_period"] == "336h"
    assert loki["common"]["path_prefix"] == "/loki"
    assert "loki:/loki" in COMPOSE["services"]["loki"]["volumes"]
