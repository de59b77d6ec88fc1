"""What of a contact others get."""

from __future__ import annotations

from offbook.contacts.sharing import code_forms, shared_contact

DETAILS = {
    "k1": {"kind": "phone", "value": "2"},
    "k2": {"kind": "group", "value": "Bores"},
    "k3": {"kind": "address", "value": "1 Street"},
    "k4": {"kind": "custom", "value": "x"},
}
ADA = {"id": "1", "name": "Ada King", "given_name": "Ada", "phone": "1", "notes": "owes me", "starred": True}


def test_notes_labels_and_the_star_stay_with_whoever_made_them() -> None:
    shared = shared_contact({**ADA, "details": DETAILS})
    assert shared == {
        "name": "Ada King",
        "given_name": "Ada",
        "phone": "1",
        "details": {key: DETAILS[key] for key in ("k1", "k3", "k4")},
    }
    assert shared_contact({"name": "Ada", "details": None}) == {"name": "Ada", "details": {}}


def test_a_code_has_less_and_less_down_to_a_name_and_a_phone() -> None:
    forms = list(code_forms({**ADA, "company": "Engines", "photo": "ab", "details": DETAILS}))
    assert [list(form["details"]) for form in forms[:3]] == [["k1", "k3"], ["k1"], []]
    assert forms[0]["company"] == "Engines"
    assert forms[-1] == {"name": "Ada King", "given_name": "Ada", "phone": "1", "details": {}}
    assert all("notes" not in form and "photo" not in form for form in forms)
