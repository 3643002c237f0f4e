"""Conference data: the golden pair, every limit at n and n + 1, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions import script
from functions.script.conference_data import ConferenceDataBuilder, ConferenceError, ConferenceParameter
from functions.script.entry_point import EntryPoint
from functions.script.enums import ConferenceErrorType, EntryPointFeature, EntryPointType
from tests.unit.script.bench import Bench

LOOKS = {"1": script.SolutionLook("My Web Conference", "https://icons.example.com/1.png")}
VIDEO, PHONE, SIP, MORE = EntryPointType.VIDEO, EntryPointType.PHONE, EntryPointType.SIP, EntryPointType.MORE
URIS = {
    VIDEO: "https://meet.example.com/123",
    PHONE: "tel:+123",
    SIP: "sip:a@example.com",
    MORE: "https://example.com/more",
}


def way(kind: EntryPointType = VIDEO, uri: str | None = None) -> EntryPoint:
    """An entry point in order."""
    return script.new_entry_point().set_entry_point_type(kind).set_uri(URIS[kind] if uri is None else uri)


def builder(*ways: EntryPoint) -> ConferenceDataBuilder:
    """A conference in order."""
    made = script.new_conference_data_builder().set_conference_id("vendor-123").set_conference_solution_id("1")
    for one in ways or (way(),):
        made.add_entry_point(one)
    return made


def pair(key: str, value: str = "v") -> ConferenceParameter:
    """A parameter."""
    return script.new_conference_parameter().set_key(key).set_value(value)


def golden() -> script.ConferenceData:
    """The conference of the golden pair."""
    phone = way(PHONE, "tel:+12345678900,,,123#").set_pin("1234").set_region_code("US")
    return (
        builder(way().set_passcode("42"), phone.add_feature(EntryPointFeature.TOLL))
        .set_notes("legal")
        .add_conference_parameter(pair("adminEmail", "x@example.com"))
        .build()
    )


CALENDAR = json.loads("""
{"conferenceId":"vendor-123","notes":"legal",
 "conferenceSolution":{"key":{"type":"addOn"},"name":"My Web Conference","iconUri":"https://icons.example.com/1.png"},
 "entryPoints":[{"entryPointType":"video","uri":"https://meet.example.com/123","passcode":"42"},
  {"entryPointType":"phone","uri":"tel:+12345678900,,,123#","pin":"1234","regionCode":"US",
   "entryPointFeatures":["toll"]}],
 "parameters":{"addOnParameters":{"parameters":{"adminEmail":"x@example.com"}}}}
""")
MARKUP = json.loads("""
{"conferenceId":"vendor-123","conferenceSolutionId":"1","note":"legal",
 "entryPoints":[{"type":"VIDEO","uri":"https://meet.example.com/123","passcode":"42"},
  {"type":"PHONE","uri":"tel:+12345678900,,,123#","pin":"1234","regionCode":"US","features":["TOLL"]}],
 "parameters":[{"key":"adminEmail","value":"x@example.com"}]}
""")


class TestForms:
    """One object, two JSON forms."""

    def test_the_golden_pair(self) -> None:
        """The event's form and the add-on's, exactly."""
        assert golden().to_calendar(LOOKS) == CALENDAR
        assert golden().to_markup() == MARKUP
        assert json.loads(golden().print_json()) == MARKUP

    def test_name_and_icon_are_the_projects(self) -> None:
        """In a running script the solution's look comes from the project; what is unset is absent."""
        with script.running(Bench().project(solutions={"1": script.SolutionLook("Ours")})):
            assert builder().build().to_calendar() == {
                "conferenceId": "vendor-123",
                "conferenceSolution": {"key": {"type": "addOn"}, "name": "Ours"},
                "entryPoints": [{"entryPointType": "video", "uri": URIS[VIDEO]}],
            }

    def test_a_solution_nobody_knows_is_refused(self) -> None:
        """An event never gets a conference without a name."""
        with pytest.raises(script.InvalidConference, match=r"^conferenceSolutionId: "):
            golden().to_calendar({})

    @pytest.mark.parametrize(
        ("set_it", "name"),
        [
            (EntryPoint.set_pin, "pin"),
            (EntryPoint.set_passcode, "passcode"),
            (EntryPoint.set_password, "password"),
            (EntryPoint.set_meeting_code, "meetingCode"),
            (EntryPoint.set_access_code, "accessCode"),
            (EntryPoint.set_label, "label"),
        ],
    )
    def test_each_text_has_its_name(self, set_it: Callable[[EntryPoint, str], EntryPoint], name: str) -> None:
        """Both forms name the texts alike."""
        built = builder(set_it(way(), "42")).build()

        assert built.to_calendar(LOOKS)["entryPoints"][0][name] == "42"
        assert built.to_markup()["entryPoints"][0][name] == "42"

    def test_toll_free_is_spelt_as_documented(self) -> None:
        """`toll_free` in the event, `TOLL_FREE` in the markup."""
        built = builder(way(), way(PHONE).add_feature(EntryPointFeature.TOLL_FREE)).build()

        assert built.to_calendar(LOOKS)["entryPoints"][1]["entryPointFeatures"] == ["toll_free"]
        assert built.to_markup()["entryPoints"][1]["features"] == ["TOLL_FREE"]

    def test_what_was_built_stays(self) -> None:
        """Later calls on the parts do not change a conference."""
        entry, parameter, made = way(), pair("a"), script.new_conference_data_builder()
        made.set_conference_id("x").set_conference_solution_id("1").add_entry_point(entry)
        built = made.add_conference_parameter(parameter).build()
        before = built.to_markup()
        entry.set_pin("1")
        parameter.set_value("other")
        made.set_notes("late")

        assert built.to_markup() == before


class TestErrors:
    """A conference that could not be made."""

    @pytest.mark.parametrize("kind", [kind for kind in ConferenceErrorType if kind != "AUTHENTICATION"])
    def test_an_error_stands_alone(self, kind: ConferenceErrorType) -> None:
        """Nothing else is needed, and nothing else goes out."""
        error = script.new_conference_error().set_conference_error_type(kind)
        built = script.new_conference_data_builder().set_notes("left out").set_error(error).build()

        assert built.to_markup() == {"error": {"type": kind.value}}
        with pytest.raises(script.InvalidConference, match=r"^error: "):
            built.to_calendar(LOOKS)

    def test_authentication_needs_its_address(self) -> None:
        """AUTHENTICATION without an address is refused; with it both go out."""
        error = script.new_conference_error().set_conference_error_type(ConferenceErrorType.AUTHENTICATION)
        with pytest.raises(script.InvalidConference, match=r"^authenticationUrl: "):
            script.new_conference_data_builder().set_error(error).build()
        error.set_authentication_url("https://vendor.example.com/login")

        assert script.new_conference_data_builder().set_error(error).build().to_markup() == {
            "error": {"type": "AUTHENTICATION", "authenticationUrl": "https://vendor.example.com/login"}
        }

    def test_no_other_type_takes_an_address(self) -> None:
        """It is refused with TEMPORARY, and an error without a type is none."""
        login = script.new_conference_error().set_authentication_url("https://vendor.example.com")
        with pytest.raises(script.InvalidConference, match=r"^conferenceErrorType: "):
            script.new_conference_data_builder().set_error(login).build()
        login.set_conference_error_type(ConferenceErrorType.TEMPORARY)
        with pytest.raises(script.InvalidConference, match=r"^authenticationUrl: "):
            script.new_conference_data_builder().set_error(login).build()

    def test_the_markup_takes_a_shorter_address(self) -> None:
        """1800 characters are built, 1300 go into the markup."""
        login = "https://vendor.example.com/"
        for length, fits in ((1300, True), (1301, False), (1800, False)):
            error = ConferenceError().set_conference_error_type(ConferenceErrorType.AUTHENTICATION)
            built = ConferenceDataBuilder().set_error(error.set_authentication_url(login.ljust(length, "x"))).build()
            if fits:
                assert len(built.to_markup()["error"]["authenticationUrl"]) == length
            else:
                with pytest.raises(script.InvalidConference, match=r"^authenticationUrl: "):
                    built.to_markup()


LIMITS: list[tuple[str, int, Callable[[str], object]]] = [
    ("conferenceId", 512, lambda text: ConferenceDataBuilder().set_conference_id(text)),
    ("conferenceSolutionId", 512, lambda text: ConferenceDataBuilder().set_conference_solution_id(text)),
    ("notes", 2048, lambda text: ConferenceDataBuilder().set_notes(text)),
    ("uri", 1300, lambda text: EntryPoint().set_uri("https://" + text[8:])),
    ("label", 512, lambda text: EntryPoint().set_label(text)),
    ("pin", 128, lambda text: EntryPoint().set_pin(text)),
    ("passcode", 128, lambda text: EntryPoint().set_passcode(text)),
    ("password", 128, lambda text: EntryPoint().set_password(text)),
    ("meetingCode", 128, lambda text: EntryPoint().set_meeting_code(text)),
    ("accessCode", 128, lambda text: EntryPoint().set_access_code(text)),
    ("key", 50, lambda text: ConferenceParameter().set_key(text)),
    ("value", 1024, lambda text: ConferenceParameter().set_value(text)),
    ("authenticationUrl", 1800, lambda text: ConferenceError().set_authentication_url("https://" + text[8:])),
]


class TestLimits:
    """Always enforced, profile or not."""

    @pytest.mark.parametrize(("field", "longest", "set_it"), LIMITS, ids=[limit[0] for limit in LIMITS])
    def test_texts(self, field: str, longest: int, set_it: Callable[[str], object]) -> None:
        """As many characters are taken, one more is not; a character outside the basic plane counts twice."""
        set_it("x" * longest)
        set_it("x" * (longest - 2) + "😀")
        for bad in ("x" * (longest + 1), "x" * (longest - 1) + "😀"):
            with pytest.raises(script.InvalidConference, match=rf"^{field}: ") as refused:
                set_it(bad)
            assert refused.value.field == field

    @pytest.mark.parametrize(
        ("field", "set_it"),
        [
            ("conferenceId", ConferenceDataBuilder().set_conference_id),
            ("notes", ConferenceDataBuilder().set_notes),
            ("pin", EntryPoint().set_pin),
            ("uri", EntryPoint().set_uri),
            ("key", ConferenceParameter().set_key),
        ],
    )
    @pytest.mark.parametrize("bad", ["", None, 7])
    def test_what_is_no_text_is_refused(self, field: str, set_it: Callable[[Any], object], bad: Any) -> None:
        """Neither null nor an empty text ever goes out."""
        with pytest.raises(script.InvalidConference, match=rf"^{field}: "):
            set_it(bad)

    def test_300_entry_points(self) -> None:
        """The 301st is refused."""
        made = builder(way(), *(way(PHONE) for _ in range(299)))
        assert len(made.build().entry_points) == 300
        with pytest.raises(script.InvalidConference, match=r"^entryPoints: "):
            made.add_entry_point(way(PHONE))

    def test_300_parameters(self) -> None:
        """The 301st is refused; so is a key that stands there twice, and a parameter that is not whole."""
        made = builder()
        for number in range(300):
            made.add_conference_parameter(pair(str(number)))
        assert len(made.build().parameters) == 300
        with pytest.raises(script.InvalidConference, match=r"^parameters: "):
            made.add_conference_parameter(pair("more"))
        with pytest.raises(script.InvalidConference, match=r"^parameters: .*twice"):
            builder().add_conference_parameter(pair("k")).add_conference_parameter(pair("k", "w")).build()
        with pytest.raises(script.InvalidConference, match=r"^value: "):
            builder().add_conference_parameter(ConferenceParameter().set_key("k")).build()
        with pytest.raises(script.InvalidConference, match=r"^key: "):
            builder().add_conference_parameter(ConferenceParameter().set_value("v")).build()


class TestEntryPoints:
    """Which ways there may be, and what each takes."""

    @pytest.mark.parametrize("kinds", [[VIDEO], [PHONE, PHONE, PHONE], [SIP], [VIDEO, PHONE, SIP, MORE]])
    def test_these_may_stand_together(self, kinds: list[EntryPointType]) -> None:
        """Any number of telephones, at most one of each other kind."""
        assert len(builder(*map(way, kinds)).build().entry_points) == len(kinds)

    @pytest.mark.parametrize("kinds", [[VIDEO, VIDEO], [SIP, SIP], [VIDEO, MORE, MORE], [MORE]])
    def test_these_may_not(self, kinds: list[EntryPointType]) -> None:
        """Two of a kind but telephones; MORE alone."""
        with pytest.raises(script.InvalidConference, match=r"^entryPoints: "):
            builder(*map(way, kinds)).build()

    @pytest.mark.parametrize(
        ("kind", "uri", "right"),
        [
            (VIDEO, "https://a.example", True),
            (VIDEO, "http://a.example", True),
            (VIDEO, "HTTPS://a.example", True),
            (VIDEO, "tel:+1", False),
            (MORE, "https://a.example", True),
            (MORE, "sip:a@b", False),
            (PHONE, "tel:+1", True),
            (PHONE, "https://a.example", False),
            (SIP, "sip:a@b", True),
            (SIP, "tel:1", False),
        ],
    )
    def test_each_kind_has_its_schemes(self, kind: EntryPointType, uri: str, right: bool) -> None:
        """Whatever the order of the calls."""
        made = builder(way(), EntryPoint().set_uri(uri).set_entry_point_type(kind)) if kind is not VIDEO else None
        made = made or builder(EntryPoint().set_uri(uri).set_entry_point_type(kind))
        if right:
            made.build()
        else:
            with pytest.raises(script.InvalidConference, match=r"^uri: "):
                made.build()

    @pytest.mark.parametrize(
        "uri",
        ["sips:a@b", "javascript:alert(1)", "ftp://a", "meet.example.com", "https:", "https://", "tel:", "https://a b"],
    )
    def test_other_addresses_are_refused_at_once(self, uri: str) -> None:
        """Among them sips:, which Google's builder does not name, and what is no address at all."""
        with pytest.raises(script.InvalidConference, match=r"^uri: "):
            EntryPoint().set_uri(uri)

    @pytest.mark.parametrize("kind", [VIDEO, SIP, MORE])
    def test_region_and_cost_are_for_telephones(self, kind: EntryPointType) -> None:
        """Refused for every other kind, whatever the order of the calls."""
        others = [] if kind is VIDEO else [way()]
        with pytest.raises(script.InvalidConference, match=r"^regionCode: "):
            builder(*others, EntryPoint().set_region_code("US").set_entry_point_type(kind).set_uri(URIS[kind])).build()
        with pytest.raises(script.InvalidConference, match=r"^features: "):
            builder(*others, way(kind).add_feature(EntryPointFeature.TOLL)).build()

    @pytest.mark.parametrize("code", ["U", "USA", "U1", "ÄÖ", "__"])
    def test_a_region_is_two_letters(self, code: str) -> None:
        """Anything else is refused."""
        with pytest.raises(script.InvalidConference, match=r"^regionCode: "):
            EntryPoint().set_region_code(code)

    def test_costs_exclude_each_other(self) -> None:
        """TOLL and TOLL_FREE; the same twice is one; the unknown one is refused."""
        entry = way(PHONE).add_feature(EntryPointFeature.TOLL).add_feature(EntryPointFeature.TOLL)
        assert builder(way(), entry).build().to_markup()["entryPoints"][1]["features"] == ["TOLL"]
        with pytest.raises(script.InvalidConference, match=r"^features: "):
            entry.add_feature(EntryPointFeature.TOLL_FREE)
        with pytest.raises(script.InvalidConference, match=r"^features: "):
            way(PHONE).add_feature(EntryPointFeature.UNKNOWN_FEATURE)

    def test_more_has_no_label(self) -> None:
        """A label is refused there."""
        with pytest.raises(script.InvalidConference, match=r"^label: "):
            builder(way(), way(MORE).set_label("x")).build()

    def test_what_is_required_is_named(self) -> None:
        """A conference without id, solution or way; a way without kind or address."""
        ways = ConferenceDataBuilder().set_conference_id("x").set_conference_solution_id("1")
        for made, field in [
            (ConferenceDataBuilder(), "conferenceId"),
            (ConferenceDataBuilder().set_conference_id("x"), "conferenceSolutionId"),
            (ways, "entryPoints"),
            (builder(EntryPoint().set_uri("tel:1")), "entryPointType"),
            (builder(EntryPoint().set_entry_point_type(PHONE)), "uri"),
        ]:
            with pytest.raises(script.InvalidConference) as refused:
                made.build()
            assert refused.value.field == field

    @pytest.mark.parametrize("bad", ["VIDEOS", "video", None, 1])
    def test_kinds_are_members(self, bad: Any) -> None:
        """A text that is no member is refused."""
        with pytest.raises(script.InvalidConference, match=r"^entryPointType: "):
            EntryPoint().set_entry_point_type(bad)
        with pytest.raises(script.InvalidConference, match=r"^conferenceErrorType: "):
            ConferenceError().set_conference_error_type(bad)
