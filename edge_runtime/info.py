"""What `edge-classify --info` says of a model and of what runs it."""

import platform
from importlib.metadata import PackageNotFoundError, version

from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.contract import InputSpec, Interval
from edge_runtime.shipped import shipped_models
from edge_runtime.version import __version__

_PACKAGES = ("ai-edge-litert", "tflite-runtime", "opencv-python-headless", "numpy")


def describe(classifier: Classifier) -> str:
    """Several lines of text for a person."""
    lines = {**facts(classifier), "shipped": _shipped()}
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines.items())


def facts(classifier: Classifier) -> dict[str, str]:
    """What the model is, what it was measured on and what runs it, by name."""
    contract = classifier.contract
    origin, scores = contract.provenance, contract.provenance.int8_scores
    low, high = contract.decision.abstain_low, contract.decision.abstain_high
    first = contract.labels[0]
    band = (
        f"probability of {first} between {low:g} and {high:g}"
        if len(contract.labels) == 2
        else f"probability below {high:g}"
    )
    guard = contract.guard
    how = (
        "which chose nothing"
        if origin.out_of_fold_sha256 is None
        else "each by networks of this recipe that had not seen them (cross-validation); this one has"
    )
    return {
        "model": f"{contract.name} ({classifier.bundle.path}, {contract.model.bytes:,} bytes)",
        "labels": ", ".join(contract.labels),
        "reads": f"the middle {contract.input.crop} pixels, as {contract.input.size} x {contract.input.size}",
        "scale": _scale(contract.input),
        "uncertain": f"{band}; or a picture unlike the training cells",
        "guard": f"calls {_interval(guard.false_alarms, 4)} of the measured subjects' cells unlike",
        "trained on": origin.data,
        "measured on": f"subjects {', '.join(origin.report_subjects)}, {how}",
        "weighted F1": _interval(scores.weighted_f1),
        "AUROC": _interval(scores.auroc),
        "sensitivity": f"{_interval(scores.sensitivity)} for {first}",
        "specificity": _interval(scores.specificity),
        "against float": f"{origin.flips:.2%} of the labels differ",
        "made": f"{origin.date}, commit {origin.commit}",
        "runs on": f"{classifier.interpreter.runtime}, Python {platform.python_version()}, {platform.machine()}",
        "kernels": str(classifier.interpreter.kernels()),
        "versions": ", ".join([f"edge-classify {__version__}", *filter(None, map(_version, _PACKAGES))]),
    }


def _shipped() -> str:
    bundles = {name: read_bundle(path) for name, path in shipped_models().items()}
    return "; ".join(
        f"{name} ({own.contract.name}, {own.contract.model.bytes:,} bytes)" for name, own in bundles.items()
    )


def _scale(spec: InputSpec) -> str:
    if spec.um_per_pixel is None:
        return "unknown: it takes no fields"
    return f"{spec.um_per_pixel:.4f} um a pixel, to which cells cut out of a field are brought"


def _interval(score: Interval, digits: int = 3) -> str:
    return f"{score.value:.{digits}f} (95 % interval {score.low:.{digits}f} to {score.high:.{digits}f})"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
