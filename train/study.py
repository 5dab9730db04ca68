"""Where a study is kept: its database, whose study it is, and which of its trials must be done again."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.trial import TrialState

from edge_runtime.sources.address import shown
from train.errors import TrainError
from train.files import differing

HEARTBEAT_S = 30
# A trial that was not heard of for so long was killed and is done again: several missed heartbeats.
GRACE_S = 4 * HEARTBEAT_S
# What ended four runs would end a fifth.
_RETRIES = 3
_IDENTITY = "identity"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def open_study(
    storage: str, name: str, identity: dict[str, Any], *, direction: str, pruner: Any, grace_s: int = GRACE_S
) -> Any:
    """Makes a study in a database, or finds it there.

    Args:
        storage: an SQLAlchemy address; user, password and query are in no message.
        name: of the study; one database holds many.
        identity: data, settings and folds; a study of others is refused. Kept in its user attributes.
        direction: `maximize` or `minimize`.
        pruner: of `optuna.pruners`.
        grace_s: seconds without a heartbeat after which a running trial counts as killed.

    Returns:
        An `optuna.Study` in which killed trials are retried.

    Raises:
        TrainError: the database cannot be used, or the study belongs to other data or settings.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with reaching(storage, ImportError, RuntimeError, ValueError):  # no driver; another Optuna's schema; no port
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            database = optuna.storages.RDBStorage(
                storage,
                heartbeat_interval=min(HEARTBEAT_S, max(1, grace_s // 2)),
                grace_period=grace_s,
                heartbeat_stale_trial_callback=_retry(),
            )
        study = optuna.create_study(
            storage=database, study_name=name, direction=direction, pruner=pruner, load_if_exists=True
        )
        if _IDENTITY not in study.user_attrs:
            study.set_user_attr(_IDENTITY, identity)
        other = differing(study.user_attrs[_IDENTITY], identity)
    if other:
        raise TrainError(
            f"{shown(storage)}: study {name!r} belongs to other data or settings ({other[0]!r} differs); "
            "give another --study and --out"
        )
    return study


def enqueue_again(study: Any, number: int) -> None:
    """Queues the values of a trial that was interrupted, so that the next run begins with them."""
    if number >= 0 and study.trials[number].state == TrialState.FAIL:
        _retry()(study, study.trials[number])


def _retry() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES)


def finished_trials(study: Any) -> list[Any]:
    """The trials that ran to their end or were pruned; what failed or still runs does not count."""
    trials: list[Any] = study.get_trials(deepcopy=False, states=FINISHED)
    return trials


@contextlib.contextmanager
def reaching(storage: str, *also: type[Exception]) -> Iterator[None]:
    """Makes one clear line of a database that cannot be used, without the credentials in its address.

    Args:
        storage: the address.
        also: what else the opening of a database raises.

    Raises:
        TrainError: instead of what SQLAlchemy, Optuna or the database's driver raised.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, *also) as error:
        raise TrainError(
            f"{shown(storage)}: cannot keep a study ({_reason(error, storage)}); check the address and its driver"
        ) from None


def _reason(error: BaseException, storage: str) -> str:
    """The driver's own words, where it had any: SQLAlchemy's and Optuna's are about themselves."""
    inner: Any = error.__cause__ if isinstance(error, (StorageInternalError, ImportError)) else error
    text = str(getattr(inner, "orig", None) or inner or error).strip().partition("\n")[0]
    with contextlib.suppress(sqlalchemy.exc.ArgumentError, ValueError):
        password = sqlalchemy.engine.make_url(storage).password
        if password:
            text = text.replace(str(password), "...")
    return text.replace(storage, shown(storage))
