import json

from click.testing import CliRunner

from bench.cli import main


def test_help_names_every_work() -> None:
    told = CliRunner().invoke(main, ["legs", "--help"]).output
    assert all(work in told for work in ("pcmu-room", "opus-pairs", "srtp-rtp", "pcmu-opus"))


def test_a_number_of_legs_that_cannot_be_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["legs", "pcmu-pairs", "--legs", "3"])
    assert result.exit_code == 2
    assert "even number" in result.output


def test_figures_are_json_on_standard_output_and_a_table_beside_it() -> None:
    result = CliRunner().invoke(main, ["legs", "pcmu-pairs", "--legs", "2", "--seconds", "2", "--plain"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["runs"][0]["verdict"]["not_heard"] == []
    assert figures["machine"]["cores"] >= 1
