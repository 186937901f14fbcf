"""What people typed into the reference clinic's FileMaker: titles, labels, numbers as they come."""

from __future__ import annotations

from ..dice import Dice
from ..practice import Practice

REFERENCE_PRACTICE = Practice(
    clinicians=("Dr. Smith", "Claire Murray", "Jonathan Tan", "Adaeze Okafor"),
    appointment_types=(("Appointment", 30), ("Initial Consultation", 60), ("Follow-up", 20), ("Fitting", 45)),
    specialties=(
        *("General Practitioner", "Podiatrist", "Rheumatologist", "Orthopaedic Surgeon", "Physiotherapist"),
        *("Paediatrician", "Support Coordinator"),
    ),
)
COORDINATOR_SPECIALTY = "Support Coordinator"
FOREIGN_CALENDARS = ("Staff Leave", "Workshop", "Telehealth", "Old Diary", "School Visits", "Room 2")
FEMALE_TITLES = ("Mrs.", "Mrs.", "Mrs.", "Ms.", "Ms.", "Dr.", "Sister")
MALE_TITLES = ("Mr.", "Mr.", "Mr.", "Mr.", "Master", "Dr.", "Father", "Jr.", "Brother")
FEMALE_GENDERS = (*("Female",) * 9, "F", "F", "female", "FEMALE", "f ", "Girl", "Woman", "")
MALE_GENDERS = (*("Male",) * 9, "M", "M", "male", "MALE", "m", "Boy", "Man", "", "Non-binary", "Other", "?")
RELATIVES = ("Mum", "Dad", "Wife", "Husband", "Daughter", "Son", "Carer", "Neighbour", "Nan", "Plan manager", "Work")
AREAS = ("Hunter", "Central Coast", "New England", "Illawarra", "")
NOTE_TYPES = ("Clinical Notes", "Clinic Dates", "Order Notes", "Admin Notes", "Referral", "3D Scan Data", "Planter", "")
DOCUMENT_TYPES = ("Referral", "Plan", "Quote", "Consent Form", "Medical Report", "Invoice", "Order Form", "")
IMAGE_TYPES = ("Foot", "Planter", "Shoe", "Gait", "Casting", "X-ray", "Scan report (from the hospital)", "")
BLOCKS = ("BLOCK OUT", "Staff meeting", "Lunch", "Public holiday", "Clinic closed", "Annual leave", "Workshop day")
COMPANY_TYPES = {"MEDICAL_PRACTICE": "Medical practice", "NDIS_PROVIDER": "NDIS", "OTHER": "Supplier"}
MESSAGE_STATUSES = ("Delivered", "Delivered", "Delivered", "Sent", "Failed", "Queued", "")


def spelled(dice: Dice, clinic: str) -> str:
    """Return a clinic's name as somebody typed it: the same one to a reader, not to a comparison."""
    return dice.pick((clinic.upper(), clinic.lower(), f"{clinic} ", f" {clinic}", f"{clinic}."))


def unknown_clinic(dice: Dice) -> str:
    """Return text in the clinic's field that names no clinic."""
    return dice.pick(("Home", "TBA", "Hospital ward", "Mobile van", "see notes"))


def mobile(dice: Dice) -> tuple[str, str]:
    """Return a mobile number as it was typed, and in international format."""
    digits = dice.digits(8)
    first, last = digits[:5], digits[5:]
    typed = dice.pick(
        (
            f"04{digits}",
            f"04{digits[:2]} {digits[2:5]} {last}",
            f"04{digits[:2]}-{digits[2:5]}-{last}",
            f"+61 4{digits[:2]} {digits[2:5]} {last}",
            f"(04{digits[:2]}) {first[2:]} {last}",
        )
    )
    return typed, f"+614{digits}"


def landline(dice: Dice) -> str:
    """Return a landline number as it was typed."""
    digits = dice.digits(8)
    return dice.pick(
        (
            f"02{digits}",
            f"(02) {digits[:4]} {digits[4:]}",
            f"02 {digits[:4]} {digits[4:]}",
            f"{digits[:4]}-{digits[4:]}",
            f"02{digits} after 5pm",
        )
    )


def impossible_phone(dice: Dice) -> str:
    """Return what stands in a phone's field and is no number of anybody."""
    return dice.pick(("0000000000", "1234", "04" + dice.digits(6), "none", "ring the school", "04" + dice.digits(11)))


def overseas_phone(dice: Dice) -> str:
    """Return a number abroad."""
    return dice.pick(
        (
            f"+64 21 {dice.digits(3)} {dice.digits(4)}",
            f"0044 7700 {dice.digits(6)}",
            f"+1 ({dice.digits(3)}) 555-01{dice.digits(2)}",
        )
    )


def impossible_date(dice: Dice) -> str:
    """Return text in a date's field that is no day of any calendar."""
    return dice.pick(("02/30/2019", "11/31/2021", "00/00/2020", "13/13/2018", "2/29/2023"))
