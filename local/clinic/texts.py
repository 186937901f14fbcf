"""Sentences people write about patients: varied enough that each can be recognised wherever it turns up."""

from __future__ import annotations

from .dice import Dice

SIDES = ("left", "right", "both feet", "bilateral")
DEVICES = (
    "custom orthoses",
    "ankle-foot orthosis",
    "extra-depth shoes",
    "rocker soles",
    "heel raise",
    "toe filler",
    "moulded insoles",
    "carbon plate",
    "night splint",
    "medical-grade boots",
)
FINDINGS = (
    "callus under the second metatarsal",
    "redness over the navicular",
    "reduced ankle dorsiflexion",
    "hallux valgus progressing",
    "pressure at the fifth toe",
    "oedema in the afternoon",
    "healed ulcer at the plantar heel",
    "leg length difference",
    "peripheral neuropathy, monofilament absent",
)
ADVICE = (
    "wear in over two weeks",
    "return if the skin is broken",
    "daily skin checks explained",
    "carer present and instructed",
    "will phone on arrival of stock",
    "lace lock shown",
    "photographs taken for the workshop",
)
TOPICS = (
    "NDIS plan",
    "referral letter",
    "delivery date",
    "account",
    "new shoes",
    "transport",
    "quote",
    "parking",
)
PEOPLE = ("daughter", "husband", "carer", "support worker", "mother", "neighbour", "plan manager")


def clinical_sentence(dice: Dice) -> str:
    """Return one sentence of a consultation, with measurements that make it nearly unique."""
    return (
        f"{dice.pick(DEVICES).capitalize()} ({dice.pick(SIDES)}): {dice.pick(FINDINGS)}, "
        f"{dice.number(3, 38)} mm × {dice.number(11, 97)} mm "
        f"after {dice.number(2, 40)} weeks; {dice.pick(ADVICE)}."
    )


def consultation(dice: Dice) -> str:
    """Return a consultation note of one to three lines, lines ended by a line feed."""
    lines = [clinical_sentence(dice)]
    if dice.chance(0.4):
        lines.append(f"Plan: {dice.pick(ADVICE)}, review in {dice.number(2, 26)} weeks.")
    if dice.chance(0.15):
        lines.append(f"Pt reports “{dice.pick(FINDINGS)}” – pain {dice.number(1, 9)}/10.")
    return "\n".join(lines)


def booking_note(dice: Dice) -> str:
    """Return what the front desk writes on an appointment."""
    return (
        f"{dice.pick(PEOPLE).capitalize()} brings {dice.pick(DEVICES)} for {dice.pick(FINDINGS)}, "
        f"allow {dice.number(10, 55)} min, order {dice.number(10_000, 99_999)}."
    )


def phone_note(dice: Dice) -> str:
    """Return a note typed into Nexus after a phone call."""
    return (
        f"Phoned the {dice.pick(PEOPLE)} about the {dice.pick(TOPICS)}; {dice.pick(ADVICE)}, "
        f"file {dice.number(10_000, 99_999)}."
    )


def letter_body(dice: Dice) -> str:
    """Return the body of a letter, three lines."""
    return "\n".join(
        (
            "Thank you for the referral.",
            clinical_sentence(dice),
            f"We supply {dice.pick(DEVICES)} as prescribed.",
        )
    )


def reminder_text(dice: Dice) -> str:
    """Return what a reminder is about."""
    return (
        f"Call the {dice.pick(PEOPLE)} about the {dice.pick(TOPICS)}: {dice.pick(DEVICES)}, "
        f"ticket {dice.number(10_000, 99_999)}."
    )


def sms_text(dice: Dice) -> str:
    """Return the text of a message to a patient."""
    return (
        f"Hi from the clinic, your {dice.pick(DEVICES)} are ready (ref {dice.number(10_000, 99_999)}). "
        f"Please bring the {dice.pick(TOPICS)}."
    )


def first_line(text: str) -> str:
    """Return the line of a text by which it is recognised."""
    return max(text.split("\n"), key=len)
