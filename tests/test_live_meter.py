"""Rate, latency and temperature, as the page shows them."""

from pathlib import Path

import pytest

from edge_runtime.live.meter import Meter, read_temperature


def test_the_rate_counts_intervals_and_is_forgotten() -> None:
    now = [0.0]
    meter = Meter(clock_s=lambda: now[0])
    assert (meter.read().fps, meter.read().latency_ms) == (None, None)
    for took_s in (0.010, 0.030, 0.020):
        now[0] += 0.1
        meter.add(took_s)
    reading = meter.read()
    assert reading.fps == pytest.approx(10)  # two intervals between three frames
    assert (reading.frames, reading.latency_ms, reading.age_s) == (3, pytest.approx(20), 0)
    now[0] += 60
    assert (meter.read().fps, meter.read().age_s) == (None, 60)


@pytest.mark.parametrize(("text", "celsius"), [("48312\n", 48.312), ("", None), ("none", None), (None, None)])
def test_the_temperature_is_the_first_zone_s(tmp_path: Path, text: str | None, celsius: float | None) -> None:
    if text is not None:
        (tmp_path / "thermal_zone0").mkdir()
        (tmp_path / "thermal_zone0" / "temp").write_text(text)
    assert read_temperature(tmp_path) == celsius
