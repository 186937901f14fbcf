"""The entities that the import knows: each configuration's are read once, and stand behind what they refer to."""

from __future__ import annotations

from itertools import chain

import pytest
from nexus_import.core import entities
from nexus_import.settings import Settings, configurations


@pytest.fixture(params=configurations())
def settings(request: pytest.FixtureRequest) -> Settings:
    return Settings.load({"configuration": request.param})


def test_every_layout_is_read_by_one_task(settings: Settings) -> None:
    read = list(chain.from_iterable(entities.FETCHES.values()))
    assert len(read) == len(set(read))
    assert {mapping.entity for mapping in settings.read_mappings()} <= set(read)


def test_every_entity_can_have_a_layout_of_its_own() -> None:
    assert set(chain.from_iterable(entities.FETCHES.values())) == set(entities.ENTITIES)


def test_what_an_entity_refers_to_is_imported_before_it(settings: Settings) -> None:
    order = {entity: number for number, entity in enumerate(entities.IMPORTED)}
    for mapping in settings.imported():
        for column in mapping.columns.values():
            if column.reference:
                assert order[column.reference] < order[mapping.entity], (mapping.entity, column.reference)


def test_what_statements_read_of_an_entity_has_the_type_that_its_mapping_stages(settings: Settings) -> None:
    for mapping in settings.mappings.values():
        staged, read = mapping.staged_columns(), entities.READ_COLUMNS.get(mapping.entity, {})
        assert {name: staged[name] for name in staged.keys() & read.keys()} == {
            name: read[name] for name in staged.keys() & read.keys()
        }
