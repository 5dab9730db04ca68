"""One network on several devices or machines: what training asks of `tf.distribute`."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras

from train.errors import TrainError

CLUSTER_VARIABLE = "TF_CONFIG"
_PLACE = re.compile(r"\S+:\d{1,5}")


def make_strategy(name: str) -> Any:
    """The `tf.distribute.Strategy` of a name; must come before anything else asks TensorFlow to compute.

    Args:
        name: `none`, one device; `mirrored`, every GPU of this machine; `multiworker`, the machines that
            `$TF_CONFIG` names, each of which calls this and waits here for the others.

    Raises:
        TrainError: `$TF_CONFIG` does not name a cluster and this machine's place in it, or the place is taken.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    place = _place_in_cluster(os.environ.get(CLUSTER_VARIABLE, ""))
    try:
        with lost_workers():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise TrainError(
            f"{place}: this worker cannot be reached there ({error.message.splitlines()[0]}); "
            f"give it a free port of this machine in {CLUSTER_VARIABLE}"
        ) from None


def _place_in_cluster(text: str) -> str:
    """Where this process is to be reached, `host:port`."""
    try:
        document = json.loads(text)
        place = document["cluster"][document["task"]["type"]][document["task"]["index"]]
        if _PLACE.fullmatch(place) is None:
            raise ValueError
    except (ValueError, LookupError, TypeError):
        raise TrainError(
            f'{CLUSTER_VARIABLE} is {text!r}; set it to {{"cluster": {{"worker": ["host:port", ...]}}, '
            '"task": {"type": "worker", "index": 0}}, the index another on each machine'
        ) from None
    return str(place)


def is_chief(strategy: Any) -> bool:
    """Whether this process writes; the others only compute."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_type or (resolver.task_type, resolver.task_id) == _chief_of(resolver)


def _chief_of(resolver: Any) -> tuple[str, int]:
    return "chief" if "chief" in resolver.cluster_spec().jobs else "worker", 0


def replicate(network: Any, strategy: Any) -> Any:
    """A copy of a network whose variables are on every replica, or the network itself where there is but one."""
    if strategy.num_replicas_in_sync == 1:
        return network
    with variables_on(strategy):
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
    return copy


@contextlib.contextmanager
def variables_on(strategy: Any) -> Iterator[None]:
    """Variables made in here are on every replica, and what is read or saved is this process's own copy.

    Without that, reading batch norm's statistics is an exchange that waits for all the others; `average_statistics`
    keeps the copies the same instead.
    """

    def own_copy(create: Callable[..., Any], **given: Any) -> Any:
        if given.get("synchronization") == tf.VariableSynchronization.ON_READ:
            given["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
        return create(**given)

    with strategy.scope(), tf.variable_creator_scope(own_copy):
        yield


def average_statistics(network: Any) -> None:
    """Sets batch norm's moving statistics to their mean over the replicas, in one exchange; called on each replica.

    Each replica normalises by the moments of its own cells (as in Goyal et al. 2017, arXiv 1706.02677).
    """
    statistics = network.non_trainable_weights
    if not statistics:
        return
    replica = tf.distribute.get_replica_context()
    means = replica.all_reduce(tf.distribute.ReduceOp.MEAN, [tf.identity(own) for own in statistics])
    for own, mean in zip(statistics, means, strict=True):
        own.assign(mean)


def per_replica(strategy: Any, make: Callable[[int], Any]) -> Any:
    """What `make` returns for the number of each replica of this process, for `strategy.run`."""
    return strategy.experimental_distribute_values_from_function(lambda own: make(own.replica_id_in_sync_group))


def share_of_batch(count: Any, replica: int, replicas: int) -> tuple[Any, Any]:
    """One replica's places in a batch.

    Args:
        count: the cells of the whole batch, int32.
        replica: its number.
        replicas: how many share the batch.

    Returns:
        int32 `[ceil(count / replicas)]` places, neighbours, and float32 factors on the weights of their cells that make
        the sum of the replicas' mean losses the mean loss of the batch. Where the batch does not divide, a cell of
        another replica, or the last once more, fills up with factor 0.
    """
    each = -(-count // replicas)
    places = replica * count // replicas + tf.range(each)
    end = (replica + 1) * count // replicas
    factors = tf.where(places < end, tf.cast(each, tf.float32) / tf.cast(count, tf.float32), 0.0)
    return tf.minimum(places, count - 1), factors


def check_alike(strategy: Any, digest: int) -> None:
    """Makes sure that all processes have the same number, such as a digest of data, settings and epoch.

    Raises:
        TrainError: one has another.
    """
    if strategy.num_replicas_in_sync == 1:
        return
    if int(_sum(strategy, lambda _: tf.constant(digest, tf.int64))) != digest * strategy.num_replicas_in_sync:
        raise TrainError(
            "the workers have other data, settings or checkpoints than one another; "
            "give all the same, and a --run on a disk that they share"
        )


def from_chief(strategy: Any, number: float) -> float:
    """The chief's number, to the last digit, on all processes; waits for all.

    Raises:
        TrainError: one is lost.
    """
    if strategy.cluster_resolver is None:
        return number
    return float(_sum(strategy, lambda replica: tf.constant(0.0 if replica else number, tf.float64)))


def wait_for_all(strategy: Any) -> None:
    """Returns once every process has come here.

    Raises:
        TrainError: one is lost.
    """
    from_chief(strategy, 0.0)


def _sum(strategy: Any, make: Callable[[int], Any]) -> Any:
    """The sum of what `make` returns for the number of each replica of all processes."""

    def total(own: Any) -> Any:
        here = tf.identity(own)  # on this replica's device, which what comes from outside does not say
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)

    with lost_workers(strategy):
        totals = strategy.run(tf.function(total), (per_replica(strategy, make),))
        return strategy.experimental_local_results(totals)[0].numpy()


@contextlib.contextmanager
def lost_workers(strategy: Any = None) -> Iterator[None]:
    """Makes one clear line of what TensorFlow says when a machine no longer answers, at once or within two minutes.

    Args:
        strategy: what is computed with; where it has one process, errors are left as they are.

    Raises:
        TrainError: instead.
    """
    if strategy is not None and strategy.cluster_resolver is None:
        yield
        return
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
        tf.errors.FailedPreconditionError,
    ) as error:
        raise TrainError(
            f"another worker does not answer ({type(error).__name__}); start all of them again: the run goes on after "
            "the last finished epoch"
        ) from None
