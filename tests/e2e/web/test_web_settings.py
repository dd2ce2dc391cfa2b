"""Settings in the web client: changes to one's own account, and proofs of identity."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jwt
import pyotp
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.e2e.api.test_avatars import picture
from tests.e2e.people import PASSWORD, Town
from tests.e2e.tools import eventually, operators_client, problem
from tests.e2e.web.accessibility import audit
from tests.e2e.web.windows import Window, needs_a_browser

pytestmark = needs_a_browser
NEW_PASSWORD = "another horse battery staple"


@pytest.fixture
def ada(browser: Browser, endpoints: dict[str, str]) -> Iterator[Window]:
    with closing(Window(browser, endpoints["web_url"], "Ada")) as ada:
        ada.register()
        yield ada
        assert ada.wrong == []


def settings(window: Window, tab: str) -> Page:
    window.page.get_by_role("button", name="Settings").click()
    window.page.get_by_role("tab", name=tab).click()
    return window.page


def sign_in(window: Window, password: str = PASSWORD) -> None:
    """Fill in and submit the sign-in form; the test checks the result."""
    window.page.get_by_label("Username or e-mail address").fill(window.username)
    window.page.get_by_label("Password").fill(password)
    window.page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(window: Window) -> None:
    window.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(window.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_profile_is_changed_and_stays(ada: Window) -> None:
    page = settings(ada, "Profile")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("A few words about you").fill("Counts.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Your name")).to_have_value("Ada Lovelace")
    expect(page.get_by_label("A few words about you")).to_have_value("Counts.")


def test_a_picture_that_did_not_go_is_chosen_again(ada: Window, tmp_path: Path) -> None:
    page = settings(ada, "Profile")
    path = tmp_path / "me.png"
    path.write_bytes(picture("teal"))

    def choose() -> None:
        with page.expect_file_chooser() as choosing:
            page.get_by_role("button", name="Choose a picture").click()
        choosing.value.set_files(path)
        # a browser reports the choice of a file that stands in the field already as no change
        expect(page.locator("input[type=file]")).to_have_js_property("value", "")

    page.route("**/drive/uploads", lambda route: route.abort())
    choose()
    expect(page.get_by_role("alert")).to_be_visible(timeout=60_000)
    page.unroute("**/drive/uploads")
    choose()
    expect(page.get_by_role("img", name="Picture")).to_be_visible()


def test_a_session_on_another_device_is_ended(ada: Window, browser: Browser, endpoints: dict[str, str]) -> None:
    with closing(Window(browser, endpoints["web_url"], "Other")) as other:
        other.username = ada.username
        other.sign_in()

        page = settings(ada, "Sessions")
        page.get_by_role("button", name=re.compile("End session")).click()
        page.get_by_role("dialog").get_by_role("button", name=re.compile("End session")).click()

        expect(other.page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("End session"))).to_have_count(0)


def test_the_password_is_changed_and_a_wrong_one_is_told(ada: Window) -> None:
    page = settings(ada, "Sign-in")
    page.get_by_label("Current password").fill("not this one")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("password is incorrect")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The password is changed")).to_be_visible()
    sign_out(ada)
    sign_in(ada, NEW_PASSWORD)
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()


def test_an_authenticator_is_set_up_and_a_recovery_code_signs_in(ada: Window) -> None:
    # given an authenticator that was set up from the secret on the screen
    page = settings(ada, "Sign-in")
    page.get_by_role("button", name="Set up an authenticator").click()
    page.get_by_role("textbox", name="Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name="QR code for the authenticator")).to_be_visible()
    codes = page.get_by_role("list", name=re.compile("Recovery codes")).get_by_role("listitem")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text()
    secret = page.get_by_text("Or enter this secret by hand").locator("code").inner_text()
    page.get_by_label("Code that the authenticator shows").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("The authenticator is on.")).to_be_visible()
    # when they sign in again, then the password alone is not enough
    sign_out(ada)
    sign_in(ada)
    page.get_by_label("Code of your authenticator").fill(recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()


def test_a_passkey_is_made_signs_in_and_is_removed(browser: Browser, endpoints: dict[str, str]) -> None:
    """Through the server, with Chromium's virtual authenticator. Passkeys need a host name, so `localhost`."""
    url = endpoints["web_url"].replace("127.0.0.1", "localhost")
    with closing(Window(browser, url, "Ada")) as ada:
        page = ada.page
        devtools = ada.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        made = devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        ada.register()
        settings(ada, "Sign-in")
        page.get_by_label("Name of the passkey").fill("Laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_text("You can sign in with Laptop now.")).to_be_visible()
        held = devtools.send("WebAuthn.getCredentials", {"authenticatorId": made["authenticatorId"]})["credentials"]
        assert len(held) == 1

        sign_out(ada)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()

        settings(ada, "Sign-in")
        page.get_by_role("button", name="Remove passkey Laptop").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove passkey Laptop").click()
        expect(page.get_by_role("button", name="Remove passkey Laptop")).to_have_count(0)
        sign_out(ada)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert ada.wrong == []


def _is_kept(answer: Response) -> bool:
    return answer.request.method == "PUT" and answer.url.endswith("/notifications/preferences") and answer.ok


def test_preferences_and_quiet_hours_are_kept(ada: Window) -> None:
    page = settings(ada, "Notifications")
    for change in (
        lambda: page.get_by_label("Messages", exact=True).select_option("mentions"),
        lambda: page.get_by_role("switch", name="Polls").press("Space"),
        lambda: page.get_by_role("switch", name="Use quiet hours").press("Space"),
        lambda: page.get_by_label("From", exact=True).fill("21:30"),
        lambda: page.get_by_label("Time zone").select_option("Europe/Berlin"),
    ):
        with page.expect_response(_is_kept):
            change()
    page.reload()
    expect(page.get_by_label("Messages", exact=True)).to_have_value("mentions")
    expect(page.get_by_role("switch", name="Polls")).not_to_be_checked()
    expect(page.get_by_label("From", exact=True)).to_have_value("21:30")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")


def test_language_and_colours_are_chosen_on_this_device(ada: Window) -> None:
    page = settings(ada, "Language and colours")
    page.get_by_label("Colours", exact=True).select_option("dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    page.get_by_label("Language", exact=True).select_option("ar")
    expect(page.get_by_role("heading", name="الإعدادات")).to_be_visible()
    assert page.evaluate("document.documentElement.dir") == "rtl"
    page.reload()
    expect(page.get_by_role("heading", name="الإعدادات")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_copy_of_ones_data_is_made_and_the_account_erased(ada: Window, tmp_path: Path) -> None:
    page = settings(ada, "Data and account")
    page.get_by_role("button", name="Request a copy").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert Path(downloading.value.path()).read_bytes().startswith(b"PK")

    page.get_by_role("button", name="Erase my account").click()
    dialog = page.get_by_role("dialog", name="Erase your account?")
    dialog.get_by_label("Password").fill("not this one")
    dialog.get_by_role("button", name="Erase it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("password is incorrect")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Erase it").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert json.loads(page.evaluate("JSON.stringify(Object.keys(sessionStorage))")) == []


@pytest.mark.parametrize("ended", [False, True], ids=["alive", "ended"])
def test_a_session_of_somebody_else_is_ended_from_the_letter_without_signing_in(
    browser: Browser, endpoints: dict[str, str], town: Town, ended: bool
) -> None:
    # given a sign-in reported by e-mail, to a person who may be signed out by now
    ada = town.person("ada")
    stranger = ada.another_session(device_name="a device nobody knows")
    token = town.code_in_letter(ada.email, "A sign-in from a new device")
    if ended:
        assert stranger.post("/auth/logout").status_code == 204
    with closing(Window(browser, endpoints["web_url"], "Ada", ada.username)) as window:
        # when its link is opened and the button pressed
        page = window.tab(f"#/disown?token={token}")
        page.get_by_role("button", name="That was not me").click()
        # then that session has ended, the person's own is live, and the next step is offered
        expect(page.get_by_role("status")).to_contain_text("That session has ended")
        problem(stranger.get("/users/me"), 401, "token_revoked")
        assert ada.get("/users/me").status_code == 200
        page.get_by_role("button", name="New password").click()
        expect(page.get_by_label("E-mail address")).to_be_visible()
        # and the link works only once
        again = window.tab(f"#/disown?token={token}")
        again.get_by_role("button", name="That was not me").click()
        expect(again.get_by_role("alert")).to_be_visible()
        assert window.wrong == []


def test_mail_goes_to_the_domain_that_was_typed_and_its_address_signs_in(
    browser: Browser, town: Town, endpoints: dict[str, str]
) -> None:
    """Chromium's own field for addresses would make another domain of it, ending in "strasse.example"."""
    with closing(Window(browser, endpoints["web_url"], "Ada")) as window:
        window.register(domain="straße.example")
        eventually(lambda: town.mails_to(f"{window.username}@xn--strae-oqa.example"))
        sign_out(window)
        window.sign_in(f"{window.username}@straße.example")
        assert window.wrong == []


def test_who_has_to_enrol_a_second_factor_is_led_to_it_and_goes_on(ada: Window, endpoints: dict[str, str]) -> None:
    """The session is marked as a deployment that demands a factor does, since this one does not."""
    with ada.page.expect_response("**/realtime/tickets") as asked:
        ada.page.reload()
    authorization = asked.value.request.headers["authorization"]
    claims = jwt.decode(authorization.split()[1], options={"verify_signature": False})
    operators_client(endpoints, "dynamodb").update_item(
        TableName=f"{endpoints['stack']}-sessions",
        Key={"user_id": {"S": claims["sub"]}, "session_id": {"S": claims["sid"]}},
        UpdateExpression="SET must_enrol = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    page = ada.page
    page.reload()
    expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
    found = audit(page, "second factor")

    page.get_by_role("button", name="Set up an authenticator").click()
    page.get_by_role("textbox", name="Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    secret = page.get_by_text("Or enter this secret by hand").locator("code").inner_text()
    found += audit(page, "authenticator")
    page.get_by_label("Code that the authenticator shows").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Switch it on").click()

    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()
    page.reload()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()
    assert found == [], "\n".join(found)
