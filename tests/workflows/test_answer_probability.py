"""What a run reports of the probability that its answer is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.retrieval.embedded_models import model_folders

from vital_cli.views.words import figures
from vital_ops.config import DEFAULT_CONFIG
from vital_shared import BaseWorkflow
from vital_shared.llm.answer_calibration import shipped_calibration
from vital_shared.llm.base import Cited, Stop, TextDelta, Usage
from vital_shared.models.answer_estimate import AnswerEstimate
from vital_shared.models.citation import Citation
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.testing import (
    CannedModel,
    CannedSource,
    ScriptedModel,
    counted,
    passage,
    question,
    workflow_services,
)
from vital_shared.workflows.quality import score

__all__ = ["model_folders"]

PROBABILITY = "vital_answer_probability"
FACT = passage("The review takes 90 days.")
CITATION = Citation(
    number=1,
    passage_id=FACT.id,
    document_id=FACT.document_id,
    title=FACT.title,
    uri=FACT.uri,
    quote=FACT.text,
    source=FACT.source,
)


@pytest.fixture(autouse=True)
def embedded_models(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    """Put the models into the data directory: without them an answer is degraded by that alone."""
    (tmp_path / "models").symlink_to(next(iter(model_folders.values())).parent)


async def run(folder: Path, *estimates: AnswerEstimate | None, reason: str = "end") -> list[WorkflowOutput]:
    """Ask the same question for each estimate, which the model reports of its answer."""
    scripts = [
        (
            Cited(citation=CITATION),
            TextDelta(text="The review takes 90 days [1]."),
            Usage(),
            Stop(reason=reason, estimate=estimate),
        )
        for estimate in estimates
    ]
    async with workflow_services(
        folder, models=[ScriptedModel(*scripts)], sources=[CannedSource([FACT])], cache_entries=10
    ) as services:
        workflow = BaseWorkflow(services)
        asked = question("How long is the review?", model="scripted", enable_tools=False)
        return [await workflow.execute_typed(asked) for _ in estimates]


def estimate(probability: float) -> AnswerEstimate:
    return AnswerEstimate(
        probability=probability,
        calibration=shipped_calibration().version,
        is_certain=probability >= shipped_calibration().certain_from,
    )


async def test_a_likely_answer_is_reported_with_its_calibration_and_kept(tmp_path: Path) -> None:
    with counted() as growth:
        first, again = await run(tmp_path, estimate(0.93), None)
    assert (first.answer_probability, first.answer_calibration) == (0.93, shipped_calibration().version)
    assert (first.quality_score, first.degradation_reasons) == (1.0, ())
    assert (again.cache_status, again.answer_probability) == ("hit", 0.93)
    assert growth(f"{PROBABILITY}_count", mode="2", calibration=shipped_calibration().version) == 2
    assert "answers the question: 93% likely" in figures(first)
    assert "100% backed by sources" in figures(first)


async def test_an_unlikely_answer_is_uncertain_and_not_kept(tmp_path: Path) -> None:
    first, again = await run(tmp_path, estimate(0.61), estimate(0.62))
    assert first.degradation_reasons == ("uncertain",)
    assert first.groundedness == 1.0
    assert first.quality_score == 0.75
    assert [warning.message for warning in first.warnings] == [
        "The answer may not be what was asked for: check its sources."
    ]
    assert again.cache_status == "miss"


async def test_an_answer_held_back_is_not_uncertain_and_not_counted(tmp_path: Path) -> None:
    with counted() as growth:
        (output,) = await run(tmp_path, estimate(0.05), reason="no_answer")
    assert output.degradation_reasons == ("no_sources",)
    assert output.answer_probability == 0.05
    assert growth(f"{PROBABILITY}_count") == 0
    assert "likely" not in figures(output)


FAR = passage("The reading room of the library opens at nine. Bags stay in the lockers.")
OFF_TOPIC = "Who composed the opera Tosca?"


async def test_a_question_off_the_topic_is_refused_with_its_probability(tmp_path: Path) -> None:
    """The gate on passages closes here, and does not hide how sure the refusal is."""
    async with workflow_services(tmp_path, sources=[CannedSource([FAR])]) as services:
        output = await BaseWorkflow(services).execute_typed(question(OFF_TOPIC))
    assert (output.model, output.degradation_reasons) == ("extractive", ("no_sources",))
    assert output.answer_probability is not None
    assert output.answer_probability < shipped_calibration().answer_from
    assert output.answer_calibration == shipped_calibration().version


async def test_far_passages_are_not_shown_to_models_without_a_calibration(tmp_path: Path) -> None:
    model = CannedModel("Puccini [1].")
    async with workflow_services(tmp_path, models=[model], sources=[CannedSource([FAR])]) as services:
        await BaseWorkflow(services).execute_typed(question(OFF_TOPIC, model="canned"))
    (request,) = model.requests
    assert request.passages == request.sources == ()


async def test_a_model_without_an_estimate_has_none(tmp_path: Path) -> None:
    with counted() as growth:
        (output,) = await run(tmp_path, None)
    assert (output.answer_probability, output.answer_calibration) == (None, None)
    assert growth(f"{PROBABILITY}_count") == 0


@pytest.mark.parametrize("key", ["area", "precision", "recall", "near_misses", "sure"])
def test_the_calibration_says_how_it_did_on_what_it_was_not_fitted_on(key: str) -> None:
    figure, low, high = shipped_calibration().fitted["held_out"][key]
    assert 0 <= low <= figure <= high <= 1


def test_quality_alerts_stay_silent_on_held_out_traffic_and_fire_where_answers_get_unlikely() -> None:
    uncertain = shipped_calibration().fitted["held_out"]["uncertain"][2]  # the interval's upper end
    thresholds = DEFAULT_CONFIG.thresholds
    healthy = 1 - uncertain * (1 - score(["uncertain"], 1.0))
    assert healthy > thresholds["LowQualityScore"].value + 0.1
    assert uncertain < thresholds["HighDegradationRate"].value
    assert score(["uncertain"], 1.0) < thresholds["LowQualityScore"].value
