"""Line plots as SVG. matplotlib is imported when the measuring is over."""

from collections.abc import Mapping, Sequence
from pathlib import Path

Point = tuple[float, float]


def plot_lines(
    path: Path,
    series: Mapping[str, Sequence[Point]],
    *,
    title: str,
    x: str,
    y: str,
    log_y: bool = False,
) -> None:
    """Draw *series*, each a list of (x, y), over a logarithmic x axis."""
    import matplotlib as mpl  # noqa: PLC0415 - it would count as memory of the log

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    # Equal figures give an equal file: no random identifiers, no date.
    plt.rcParams["svg.hashsalt"] = "merklelog"
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, points in series.items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name)
    ticks = sorted({place for points in series.values() for place, _ in points})
    axes.set_xscale("log")
    if len(ticks) <= 8:
        axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        axes.minorticks_off()
    if log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
