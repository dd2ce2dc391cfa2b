"""Key packages: left, counted, and claimed at most once however many race."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from kernel import clock
from kernel.caller import Caller
from keys import service
from tests.helpers import Person, someone
from tests.integration.keys.desk import DAY_S, claim, put, raw, registered
from users import relations


def test_packages_are_counted_claimed_once_and_then_the_last_resort_is_given(ada: Person, bob: Person) -> None:
    phone = registered(bob)
    one, two, spare = phone.package(), phone.package(), phone.package()
    left = phone.leave(one, two, last_resort=spare)
    assert (left.status, left.body) == (201, {"available": 2})
    assert phone.available() == {"available": 2, "has_last_resort": True}

    given = [claim(ada, bob).body for _ in range(4)]
    assert {raw(each["packages"][0]["package"]) for each in given[:2]} == {one, two}
    assert [each["packages"][0]["last_resort"] for each in given] == [False, False, True, True]
    assert [raw(each["packages"][0]["package"]) for each in given[2:]] == [spare, spare]
    assert given[0]["packages"][0] | {"package": ""} == {
        "user_id": bob.user_id,
        "device_id": "phone",
        "package": "",
        "last_resort": False,
    }
    assert phone.available() == {"available": 0, "has_last_resort": True}


def test_a_claim_gives_one_of_each_device_and_names_those_that_have_none(ada: Person, bob: Person) -> None:
    phone, own = registered(bob, "phone"), registered(ada, "laptop")
    registered(bob, "watch")
    phone.leave(phone.package())
    own.leave(own.package())
    body = claim(ada, bob, ada).body
    assert sorted(each["device_id"] for each in body["packages"]) == ["laptop", "phone"]
    assert body["missing"] == ["watch"]


def test_a_thousand_racers_get_one_package_once(bob: Person) -> None:
    """R56: a one-time key used twice would let whoever got it second read what is meant for the first."""
    phone = registered(bob)
    spare = phone.package()
    phone.leave(phone.package(), last_resort=spare)
    device = service.devices(caller=Caller(bob.user_id, bob.session_id), user_ids=[bob.user_id])[0]

    with ThreadPoolExecutor(32) as racers:
        claimed = list(racers.map(lambda _: service._claim(device), range(1_000)))

    assert Counter(each.last_resort for each in claimed if each is not None) == {False: 1, True: 999}


def test_many_racers_for_many_packages_never_get_the_same_one(bob: Person) -> None:
    phone = registered(bob)
    phone.leave(*(phone.package() for _ in range(40)))
    device = service.devices(caller=Caller(bob.user_id, bob.session_id), user_ids=[bob.user_id])[0]
    with ThreadPoolExecutor(16) as racers:
        claimed = [each for each in racers.map(lambda _: service._claim(device), range(60)) if each is not None]
    assert len(claimed) == len({each.package for each in claimed}) == 40


def test_a_package_that_is_not_good_is_named_and_none_is_kept(ada: Person, bob: Person) -> None:
    phone, other = registered(bob), registered(ada)
    answer = phone.leave(phone.package(), other.package())
    assert (answer.status, answer.code) == (400, "invalid_key_package")
    assert answer.body["errors"][0]["field"] == "packages.1"
    last = phone.leave(phone.package(), last_resort=phone.package(lasts_s=401 * DAY_S))
    assert last.body["errors"][0]["field"] == "last_resort"
    assert phone.available() == {"available": 0, "has_last_resort": False}


def test_a_package_is_taken_once_even_after_it_was_claimed(ada: Person, bob: Person) -> None:
    phone = registered(bob)
    package = phone.package()
    assert phone.leave(package, package).body["errors"][0]["field"] == "packages.1"
    assert phone.leave(package).status == 201
    assert phone.leave(package).code == "invalid_key_package"
    claim(ada, bob)
    again = phone.leave(phone.package(), package)
    assert (again.code, again.body["errors"][0]["field"]) == ("invalid_key_package", "packages.1")


def test_what_is_no_package_at_all_is_refused(bob: Person) -> None:
    phone = registered(bob)
    assert phone.leave(b"hello").code == "invalid_key_package"


def test_packages_are_held_back_until_they_have_begun_and_given_no_longer_when_over(ada: Person, bob: Person) -> None:
    now = clock.now()
    with clock.held(now) as advance:
        phone = registered(bob)
        phone.leave(phone.package(begins_in_s=300, lasts_s=400), last_resort=phone.package(lasts_s=3600 + 700))
        assert [each["last_resort"] for each in claim(ada, bob).body["packages"]] == [True]
        advance(300 * clock.SECOND)
        assert [each["last_resort"] for each in claim(ada, bob).body["packages"]] == [False]
        phone.leave(phone.package(lasts_s=3600 + 350))
        advance(500 * clock.SECOND)
        body = claim(ada, bob).body
    assert (body["packages"], body["missing"]) == ([], ["phone"])


def test_a_changed_key_voids_the_packages_of_the_old_one(ada: Person, bob: Person) -> None:
    phone = registered(bob)
    phone.leave(phone.package(), last_resort=phone.package())
    registered(bob)
    assert claim(ada, bob).body == {"packages": [], "missing": ["phone"]}


def test_a_device_must_be_registered_before_it_leaves_packages(ada: Person, bob: Person) -> None:
    phone = registered(bob)
    stranger = registered(ada, "tablet")
    assert phone.leave(phone.package()).status == 201
    forged = type(phone)(stranger.person, phone.id, phone.key)
    assert forged.leave(phone.package()).status == 404


def test_a_block_keeps_packages_from_being_claimed(ada: Person, bob: Person) -> None:
    phone = registered(bob)
    phone.leave(phone.package())
    relations.block(user_id=bob.user_id, other_id=ada.user_id)
    assert claim(ada, bob).body == {"packages": [], "missing": []}
    assert phone.available()["available"] == 1


def test_thirty_claims_an_hour_on_one_person_are_answered_and_others_stay_open(ada: Person, bob: Person) -> None:
    """Without Redis, as here, they are counted in DynamoDB: the limit fails closed."""
    carol = someone("carol")
    assert [claim(ada, bob).status for _ in range(31)] == [200] * 30 + [429]
    assert claim(ada, bob).code == "rate_limited"
    assert claim(ada, carol).status == 200
    assert claim(carol, bob).status == 200


def test_only_the_suite_that_is_spoken_can_be_claimed(ada: Person, bob: Person) -> None:
    from keys import app
    from tests.helpers import ask

    body = {"user_ids": [bob.user_id], "suite": 2}
    assert ask(app.app, "POST", "/keys/claims", token=ada.token, body=body).status == 400
    assert ask(app.app, "POST", "/keys/claims", token=ada.token, body=body | {"suite": 1}).status == 200


def test_more_packages_than_fit_one_transaction_come_in_at_once(bob: Person) -> None:
    phone = registered(bob)
    assert phone.leave(*(phone.package() for _ in range(50))).body == {"available": 50}


def test_only_so_many_packages_of_a_device_wait(bob: Person, settings: pytest.MonkeyPatch) -> None:
    settings.setattr("keys.service.MAX_PACKAGES", 2)
    phone = registered(bob)
    assert phone.leave(phone.package(), phone.package()).status == 201
    assert phone.leave(phone.package()).code == "too_many_packages"


def test_an_altered_name_does_not_void_packages(ada: Person, bob: Person) -> None:
    phone = registered(bob)
    phone.leave(phone.package())
    assert put(bob, "phone", phone.key, name="renamed").status == 200
    assert len(claim(ada, bob).body["packages"]) == 1
