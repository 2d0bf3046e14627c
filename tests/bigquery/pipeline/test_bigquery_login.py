"""One identity for Google's client and for dbt, whose token stands in the process environment and nowhere else."""

from __future__ import annotations

import json
import os

import google.auth
import pytest
from airflow.providers.google.common.hooks.base_google import GoogleBaseHook
from google.auth import impersonated_credentials
from google.auth.credentials import Credentials

from include.bigquery_login import NO_TOKEN, TOKEN, credentials, hand_over_token
from include.settings import Settings
from include.transform import log_in
from include.warehouse import WarehouseError

SECRET = "ya29.secret"  # noqa: S105 - nobody's


class Known(Credentials):
    """Credentials that Google accepts."""

    def __init__(self) -> None:
        """Nobody in particular."""
        super().__init__()  # type: ignore[no-untyped-call]

    def refresh(self, request: object) -> None:
        """Get a token."""
        self.token = SECRET


@pytest.fixture(autouse=True)
def _no_token(settings: Settings) -> None:
    os.environ.pop(TOKEN, None)  # the fixture `settings` puts the environment back


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection knows somebody."""
    monkeypatch.setattr(GoogleBaseHook, "get_credentials", lambda _: Known())


@pytest.mark.usefixtures("known")
def test_dbt_gets_a_token_of_the_connections_identity(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        log_in(settings)
    assert os.environ[TOKEN] == SECRET
    assert SECRET not in caplog.text
    assert SECRET not in json.dumps(settings.dbt_env())


@pytest.mark.usefixtures("known")
def test_nobody_is_asked_who_he_is_for_parsing_or_on_duckdb(settings: Settings) -> None:
    log_in(Settings(home=settings.home, ga4_export=settings.ga4_export))
    assert TOKEN not in os.environ
    log_in(settings, asks=False)
    assert os.environ[TOKEN] == NO_TOKEN
    hand_over_token()
    log_in(settings, asks=False)
    assert os.environ[TOKEN] == SECRET


def test_the_connection_may_impersonate(monkeypatch: pytest.MonkeyPatch) -> None:
    account = "pipeline@test-project.iam.gserviceaccount.com"
    connection = {"conn_type": "google_cloud_platform", "extra": {"impersonation_chain": account}}
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("google.auth.default", lambda **_: (Known(), "test-project"))
    found = credentials()
    assert isinstance(found, impersonated_credentials.Credentials)
    assert found.service_account_email == account


def test_without_the_connection_it_is_this_machines_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT")
    monkeypatch.setattr(google.auth, "default", lambda **_: (Known(), "test-project"))
    assert isinstance(credentials(), Known)


def test_credentials_that_google_refuses_are_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Expired(Known):
        def refresh(self, request: object) -> None:
            raise google.auth.exceptions.RefreshError("invalid_grant")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(GoogleBaseHook, "get_credentials", lambda _: Expired())
    with pytest.raises(WarehouseError, match="does not accept the credentials: invalid_grant"):
        log_in(settings)
