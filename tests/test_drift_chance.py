"""What differs by chance is called chance at the stated rate, also where rows of one template come together."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import betabinom, false_discovery_control, pearson3

from bounceml_training.drift.chance import (
    Pair,
    _spread,
    _tail,
    adjusted,
    correlation,
    difference_p,
    novelty,
    shared_correlation,
)

ROUNDS = 400
COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)).filter(any), min_size=2, max_size=40)


def pair_of(counts: list[tuple[int, int]]) -> Pair:
    before, after = np.array(counts, float).T
    return Pair(before, after)


def drawn_pair(chance: np.random.Generator, *, rows: int, templates: int, share: float, burst: float) -> Pair:
    """Two samples of one population by Zipf's law; with `burst`, each template is oftener or rarer in each by luck."""
    weights = 1 / np.arange(1, templates + 1)
    weights /= weights.sum()
    sizes = np.array([rows * (1 - share), rows * share])[:, None] * weights
    if burst:
        sizes = sizes * chance.gamma(1 / burst, burst, sizes.shape)
    counts = chance.poisson(sizes)
    return Pair(*counts[:, counts.sum(axis=0) > 0].astype(float))


@pytest.mark.parametrize(
    ("rows", "templates", "share", "burst"),
    [(5000, 500, 0.5, 0.0), (5000, 500, 0.1, 0.0), (200, 30, 0.3, 0.0), (5000, 500, 0.5, 0.3), (20_000, 500, 0.5, 1.0)],
)
def test_chance_is_called_chance_at_the_stated_rate(rows: int, templates: int, share: float, burst: float) -> None:
    chance = np.random.default_rng(11)
    said = []
    for _ in range(ROUNDS):
        pair = drawn_pair(chance, rows=rows, templates=templates, share=share, burst=burst)
        values = chance.beta(8, 1, len(pair.both))
        rare = (chance.random(len(pair.both)) < 0.05).astype(float)
        rho = correlation([pair])
        p = [difference_p(each, pair=pair, rho=rho) for each in (values, rare)]
        said.append([*p, novelty(pair, rho=shared_correlation([pair])).p])
    # Of 400 rounds at 5 %, more than 9 % come once in some thousand times; at 1 %, more than 3 %.
    # What is new comes up to twice as often where each template comes in bursts, which are only nearly beta-binomial.
    assert (np.mean(np.array(said) <= 0.05, axis=0) <= [0.09, 0.09, 0.13]).all()
    assert (np.mean(np.array(said) <= 0.01, axis=0) <= 0.03).all()


def test_without_the_correlation_bursts_would_be_called_drift() -> None:
    chance = np.random.default_rng(2)
    found = []
    for _ in range(100):
        pair = drawn_pair(chance, rows=20_000, templates=500, share=0.5, burst=1.0)
        found.append(difference_p(chance.beta(8, 1, len(pair.both)), pair=pair, rho=0.0) <= 0.05)
    assert np.mean(found) > 0.5


def test_a_new_provider_is_found_among_bursts() -> None:
    chance = np.random.default_rng(3)
    pair = drawn_pair(chance, rows=20_000, templates=500, share=0.5, burst=0.3)
    n = len(pair.both)
    planted = Pair(np.append(pair.before, np.zeros(12)), np.append(pair.after, np.full(12, 80.0)))
    sure = np.append(np.full(n, 0.95), np.full(12, 0.45))
    rho = correlation([planted])
    assert difference_p(sure, pair=planted, rho=rho) < 1e-4
    assert novelty(planted, rho=shared_correlation([planted])).p < 1e-4


def test_one_template_that_comes_seldom_is_not_enough() -> None:
    pair = pair_of([(500, 510), (300, 290), (200, 205), (0, 2)])
    assert novelty(pair, rho=shared_correlation([pair])).p > 0.05


def test_what_is_wholly_new_is_found() -> None:
    pair = Pair(np.repeat([10.0, 0.0], 8), np.repeat([0.0, 10.0], 8))
    values = np.repeat([0.9, 0.5], 8)
    assert novelty(pair, rho=shared_correlation([pair])).p < 1e-6
    assert difference_p(values, pair=pair, rho=correlation([pair])) < 1e-3  # sixteen witnesses, not 160


def test_frequent_templates_that_are_wholly_new_are_found() -> None:
    pair = pair_of([(70, 0)] * 6 + [(0, 90)] * 5)
    assert novelty(pair, rho=0.0).p < 1e-9


def test_templates_that_all_came_once_are_new_by_chance() -> None:
    pair = pair_of([(1, 0)] * 50 + [(0, 1)] * 30)
    assert novelty(pair, rho=0.0).p == 1


@given(COUNTS)
def test_the_same_export_twice_never_differs(counts: list[tuple[int, int]]) -> None:
    once = np.array([sum(each) for each in counts], float)
    pair = Pair(once, once)
    rho = correlation([pair])
    assert rho == 0
    assert difference_p(np.linspace(0, 1, len(once)), pair=pair, rho=rho) == pytest.approx(1)
    assert novelty(pair, rho=shared_correlation([pair])).share == 0


@given(COUNTS, st.integers(0, 2**32))
def test_probabilities_are_some_and_the_same_both_ways(counts: list[tuple[int, int]], seed: int) -> None:
    pair = pair_of(counts)
    turned = Pair(pair.after, pair.before)
    assume(pair.before.sum() and pair.after.sum())
    rho = correlation([pair])
    assert 0 <= rho < 1
    assert correlation([turned]) == pytest.approx(rho)
    values = np.random.default_rng(seed).random(len(counts))
    p = difference_p(values, pair=pair, rho=rho)
    assert 0 <= p <= 1
    assert difference_p(values, pair=turned, rho=rho) == pytest.approx(p, abs=1e-9)
    new = novelty(pair, rho=shared_correlation([pair]))
    assert 0 <= new.p <= 1
    assert 0 <= new.share <= 1
    assert new.expected >= 0


def test_independent_rows_are_compared_as_two_proportions() -> None:
    """Against the z-test of proportions, which is this one where each row is a template of its own."""
    before, after = np.repeat([1.0, 0.0], [1000, 1200]), np.repeat([0.0, 1.0], [1000, 1200])
    has = np.concatenate([np.arange(1000) < 300, np.arange(1200) < 420]).astype(float)
    pooled = 720 / 2200
    z = (0.35 - 0.3) / np.sqrt(pooled * (1 - pooled) * (1 / 1000 + 1 / 1200))
    p = difference_p(has, pair=Pair(before, after), rho=0.0)
    assert p == pytest.approx(2 * pearson3.sf(z, 0.0), rel=0.05)


@pytest.mark.parametrize(("z", "skewness"), [(2, 0.5), (2, -0.5), (-1, 3), (5, 2), (3, 1e-4), (-4, -1), (4, -2)])
def test_tails_are_those_of_the_pearson_distribution(z: float, skewness: float) -> None:
    assert _tail(2 * z, variance=4, third=8 * skewness) == pytest.approx(pearson3.sf(z, skewness), rel=1e-3)


@pytest.mark.parametrize("rho", [0.01, 0.2, 0.7])
def test_moments_are_those_of_the_beta_binomial_distribution(rho: float) -> None:
    total = 1 / rho - 1
    variance, skewness = betabinom.stats(40, 0.3 * total, 0.7 * total, moments="vs")
    spread = _spread(np.array([40.0]), share=0.3, rho=rho)
    assert spread.variance[0] == pytest.approx(variance)
    assert spread.third[0] == pytest.approx(skewness * variance**1.5)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusting_is_that_of_benjamini_and_hochberg(p: list[float]) -> None:
    expected = false_discovery_control(p) if p else np.empty(0)
    assert adjusted(np.array(p)) == pytest.approx(expected)
