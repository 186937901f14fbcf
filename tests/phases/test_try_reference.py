import logging, sys
from pathlib import Path
import pytest


def test_it(tmp_path_factory, monkeypatch):
    from tests.support.installation import start_parts, start_installation
    from tests.support.runs import Run, load_dag

    logging.getLogger("nexus_import").setLevel(logging.INFO)
    with start_parts(tmp_path_factory.mktemp("p"), "reference", 0.02) as parts, start_installation(parts) as inst:
        for n, v in inst.environment().items():
            monkeypatch.setenv(n, v)
        run = Run(
            inst,
            load_dag(),
            {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep", "configuration": "reference"},
            answer="Approve",
        ).go()
        print(run.states)
        for t, e in run.errors.items():
            print("ERR", t, repr(e)[:3000])
        for row in inst.rows(
            "select check_id, severity, finding_count, is_passed, left(sentence, 400) from nexus_import.check_result where run_id=%s and finding_count>0 order by 1",
            run.run_id,
        ):
            print(row)
        for q in run.questions:
            print(q)
        run2 = Run(
            inst,
            load_dag(),
            {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep", "configuration": "reference"},
            answer="Approve",
        ).go()
        print(run2.results.get("publish.make_plan"), run2.errors)
        assert 0
