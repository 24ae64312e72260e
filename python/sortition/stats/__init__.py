"""Statistics of experiments, as pure functions of counts and sums.

Every function takes sufficient statistics (visitors, sums, sums of squares and cross products), so
the same numbers come from SQLite, DuckDB, Spark or a spreadsheet:

    from sortition.stats import Proportion, compare

    control, treatment = Proportion(10_000, 1_000), Proportion(10_000, 1_160)
    comparison = compare(control, treatment, planned_visitors=20_000)
    print(comparison.uplift, comparison.uplift_interval, comparison.p_value)

It requires the extra ``stats``, which installs scipy. The first function that needs scipy imports
it.
"""

from __future__ import annotations

from sortition._base.exporting import TYPE_CHECKING
from sortition._base.exporting import exporting as _exporting

if TYPE_CHECKING:
    from sortition.stats.adjustments import benjamini_hochberg, holm
    from sortition.stats.bayesian import (
        BayesComparison,
        BetaPrior,
        NormalPrior,
        bayes,
        credible_interval,
        probabilities_to_be_best,
    )
    from sortition.stats.comparison import Comparison, compare
    from sortition.stats.covariates import cuped
    from sortition.stats.experiment import Experiment, Experiments, Goal, Period
    from sortition.stats.guardrails import Guardrail, guardrail
    from sortition.stats.health import (
        Novelty,
        Outliers,
        SeveralVariations,
        novelty,
        outliers,
        several_variations,
    )
    from sortition.stats.metrics import Covariate, Mean, Proportion, Ratio, RatioCovariate
    from sortition.stats.planning import (
        Baseline,
        mde,
        power,
        runtime,
        sample_size,
        sequential_power,
        sequential_sample_size,
    )
    from sortition.stats.sample_ratio import (
        SampleRatio,
        srm,
        srm_of_periods,
        srm_sequential,
        srm_sequential_of_periods,
    )
    from sortition.stats.simulation import FalseAlarms, aa
    from sortition.stats.small_counts import newcombe, ratio_of_proportions, wilson
    from sortition.stats.winners import (
        PlatformWinner,
        pagesense_winner,
        threshold_of_caring,
        vwo_winner,
    )
    from sortition.stats.winsorising import Winsorised, winsorised
    from sortition.stats.words import sentence

__all__ = [
    "Baseline",
    "BayesComparison",
    "BetaPrior",
    "Comparison",
    "Covariate",
    "Experiment",
    "Experiments",
    "FalseAlarms",
    "Goal",
    "Guardrail",
    "Mean",
    "NormalPrior",
    "Novelty",
    "Outliers",
    "Period",
    "PlatformWinner",
    "Proportion",
    "Ratio",
    "RatioCovariate",
    "SampleRatio",
    "SeveralVariations",
    "Winsorised",
    "aa",
    "bayes",
    "benjamini_hochberg",
    "compare",
    "credible_interval",
    "cuped",
    "guardrail",
    "holm",
    "mde",
    "newcombe",
    "novelty",
    "outliers",
    "pagesense_winner",
    "power",
    "probabilities_to_be_best",
    "ratio_of_proportions",
    "runtime",
    "sample_size",
    "sentence",
    "sequential_power",
    "sequential_sample_size",
    "several_variations",
    "srm",
    "srm_of_periods",
    "srm_sequential",
    "srm_sequential_of_periods",
    "threshold_of_caring",
    "vwo_winner",
    "wilson",
    "winsorised",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(),
        {
            "Baseline": "sortition.stats.planning",
            "BayesComparison": "sortition.stats.bayesian",
            "BetaPrior": "sortition.stats.bayesian",
            "Comparison": "sortition.stats.comparison",
            "Covariate": "sortition.stats.metrics",
            "Experiment": "sortition.stats.experiment",
            "Experiments": "sortition.stats.experiment",
            "FalseAlarms": "sortition.stats.simulation",
            "Goal": "sortition.stats.experiment",
            "Guardrail": "sortition.stats.guardrails",
            "Mean": "sortition.stats.metrics",
            "NormalPrior": "sortition.stats.bayesian",
            "Novelty": "sortition.stats.health",
            "Outliers": "sortition.stats.health",
            "Period": "sortition.stats.experiment",
            "PlatformWinner": "sortition.stats.winners",
            "Proportion": "sortition.stats.metrics",
            "Ratio": "sortition.stats.metrics",
            "RatioCovariate": "sortition.stats.metrics",
            "SampleRatio": "sortition.stats.sample_ratio",
            "SeveralVariations": "sortition.stats.health",
            "Winsorised": "sortition.stats.winsorising",
            "aa": "sortition.stats.simulation",
            "bayes": "sortition.stats.bayesian",
            "benjamini_hochberg": "sortition.stats.adjustments",
            "compare": "sortition.stats.comparison",
            "credible_interval": "sortition.stats.bayesian",
            "cuped": "sortition.stats.covariates",
            "guardrail": "sortition.stats.guardrails",
            "holm": "sortition.stats.adjustments",
            "mde": "sortition.stats.planning",
            "newcombe": "sortition.stats.small_counts",
            "novelty": "sortition.stats.health",
            "outliers": "sortition.stats.health",
            "pagesense_winner": "sortition.stats.winners",
            "power": "sortition.stats.planning",
            "probabilities_to_be_best": "sortition.stats.bayesian",
            "ratio_of_proportions": "sortition.stats.small_counts",
            "runtime": "sortition.stats.planning",
            "sample_size": "sortition.stats.planning",
            "sentence": "sortition.stats.words",
            "sequential_power": "sortition.stats.planning",
            "sequential_sample_size": "sortition.stats.planning",
            "several_variations": "sortition.stats.health",
            "srm": "sortition.stats.sample_ratio",
            "srm_of_periods": "sortition.stats.sample_ratio",
            "srm_sequential": "sortition.stats.sample_ratio",
            "srm_sequential_of_periods": "sortition.stats.sample_ratio",
            "threshold_of_caring": "sortition.stats.winners",
            "vwo_winner": "sortition.stats.winners",
            "wilson": "sortition.stats.small_counts",
            "winsorised": "sortition.stats.winsorising",
        },
    )

del TYPE_CHECKING
