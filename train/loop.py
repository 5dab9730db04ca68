"""The training loop: seeded order, augmentation, weighted loss, averaged weights; used for float and int8 training."""

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from edge_runtime.preprocess import PixelArray
from train.as_written import as_written
from train.augment import augment
from train.config import AugmentConfig, FitConfig
from train.mixup import draw_shares, mix, with_partner
from train.network import as_read, network_input
from train.sampling import epoch_order, spread_evenly
from train.strategy import average_statistics, per_replica, replicate, share_of_batch, variables_on
from train.weights import cell_weights

Floats = npt.NDArray[np.float32]
PREDICT_BATCH = 64


@dataclass(frozen=True)
class Examples:
    """What is trained on.

    Attributes:
        pixels: uint8 `[n, size, size, 3]`.
        targets: int64 `[n]`, indices of the labels.
        weights: float32 `[n]`, mean 1.
        groups: the subject group of each cell; needed only where an epoch draws so many of each.
        wanted: float32 `[n, labels]`, probabilities the network is to give; None wants the labels.
    """

    pixels: PixelArray
    targets: npt.NDArray[np.int64]
    weights: Floats
    groups: tuple[str, ...] = ()
    wanted: Floats | None = None

    def spread(self, count: int) -> PixelArray:
        """The pixels of `count` cells spread evenly over the part, or of all where there are fewer."""
        return np.asarray(self.pixels[spread_evenly(len(self.pixels), count)], np.uint8)

    def thinned(self, count: int) -> "Examples":
        """Those cells, with their targets and weights."""
        chosen = spread_evenly(len(self.pixels), count)
        return Examples(
            self.pixels[chosen],
            self.targets[chosen],
            self.weights[chosen],
            tuple(self.groups[i] for i in chosen) if self.groups else (),
            None if self.wanted is None else self.wanted[chosen],
        )


def steps_per_epoch(examples: Examples, fit: FitConfig) -> int:
    """The batches of an epoch of these cells, the same for each epoch."""
    drawn = epoch_order(len(examples.targets), examples.groups, fit.cells_per_group, fit.seed)
    return math.ceil(len(drawn) / fit.batch)


class Loop:
    """Trains one network; everything random follows from the seed and the epoch, so that a resumed run repeats it."""

    def __init__(
        self,
        network: Any,
        examples: Examples,
        fit: FitConfig,
        changes: AugmentConfig,
        *,
        teacher: Any = None,
        strategy: Any = None,
    ) -> None:
        """Prepares the loop.

        Args:
            network: a `keras.Model` from what `network_input` makes to probabilities.
            examples: the train part.
            fit: the optimisation.
            changes: the augmentation.
            teacher: another network; its probabilities on the same changed pictures are the target, instead of the
                labels.
            strategy: a `tf.distribute.Strategy`; each of its replicas trains on its share of every batch, on a copy of
                the network, and `averaged` lends the network itself.
        """
        self._replicas = 1 if strategy is None else strategy.num_replicas_in_sync
        self._strategy = tf.distribute.get_strategy() if self._replicas == 1 else strategy
        self._lent = network
        self.network = replicate(network, self._strategy)
        self.fit = fit
        self._examples = examples
        self._changes = changes
        self._teacher = teacher
        self.steps_per_epoch = steps_per_epoch(examples, fit)
        with variables_on(self._strategy):
            self.optimizer = keras.optimizers.Adam(
                _WarmupCosine(
                    fit.learning_rate,
                    warmup=fit.warmup_epochs * self.steps_per_epoch,
                    total=fit.epochs * self.steps_per_epoch,
                )
            )
            self.optimizer.build(self.network.trainable_variables)
            self.averages = [
                tf.Variable(weight, trainable=False, synchronization=tf.VariableSynchronization.ON_READ)
                for weight in network.get_weights()
            ]
        self.epoch = tf.Variable(0, dtype=tf.int64)
        # Traced once: for batches of any length, since an epoch's last is shorter, and for every epoch.
        self._step = tf.function(self._replica_steps) if self._replicas > 1 else _traced_once(self._train_step, network)
        self._take = tf.function(self._changed_share)
        self._pixels = tf.convert_to_tensor(examples.pixels)
        labels = self.network.output_shape[-1]
        self._targets = tf.one_hot(examples.targets, labels) if examples.wanted is None else examples.wanted

    def checkpoint(self) -> Any:
        """Everything a resumed run needs, as a `tf.train.Checkpoint`."""
        return tf.train.Checkpoint(
            network=self.network, optimizer=self.optimizer, averages=self.averages, epoch=self.epoch
        )

    @property
    def learning_rate(self) -> float:
        """Of the last step taken."""
        return float(self.optimizer.learning_rate.numpy())

    def run_epoch(self, on_step: Callable[[int, int], None] | None = None) -> float:
        """Trains one epoch.

        Args:
            on_step: told the steps done and those of the epoch, after each.

        Returns:
            The mean loss.
        """
        epoch = int(self.epoch.numpy())
        loss = self.take_steps(self._shared_batches(epoch), on_step)
        self.epoch.assign(epoch + 1)
        return loss

    def take_steps(self, batches: Iterable[Any], on_step: Callable[[int, int], None] | None = None) -> float:
        """Trains on batches as `batches` gives them; arguments and result are otherwise those of `run_epoch`."""
        losses = []
        for pixels, targets, weights in batches:
            losses.append(self._step(pixels, targets, weights))
            if on_step is not None:
                on_step(len(losses), self.steps_per_epoch)
        return float(np.mean(losses))

    @contextlib.contextmanager
    def averaged(self) -> Iterator[Any]:
        """Lends the network with its averaged weights."""
        own = self._lent.get_weights()
        self._lent.set_weights([average.numpy() for average in self.averages])
        try:
            yield self._lent
        finally:
            self._lent.set_weights(own)

    def _seed(self, epoch: int) -> int:
        return self.fit.seed * 10_007 + epoch

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        count = len(self._examples.targets)
        return epoch_order(count, self._examples.groups, self.fit.cells_per_group, self._seed(epoch))

    def _weights(self, order: npt.NDArray[np.int64]) -> Floats:
        """The weights float32 `[n]` in an epoch of these cells: by how many of each group and class were drawn."""
        if not self.fit.cells_per_group:
            return self._examples.weights
        weights = np.zeros(len(self._examples.targets), np.float32)
        weights[order] = cell_weights(
            [self._examples.groups[i] for i in order],
            self._examples.targets[order].tolist(),
            subject_power=self.fit.subject_power,
            balance_classes=self.fit.balance_classes,
        )
        return weights

    def _shared_batches(self, epoch: int) -> Any:
        if self._replicas == 1:
            yield from self.batches(epoch)
            return
        shares: dict[int, Any] = {}
        per_replica(self._strategy, lambda replica: shares.setdefault(replica, iter(self.batches(epoch, replica))))
        for _ in range(self.steps_per_epoch):
            yield per_replica(self._strategy, lambda replica: next(shares[replica]))

    def batches(self, epoch: int, replica: int = 0) -> Any:
        """What a replica trains on in an epoch, changed, mixed and weighted: a `tf.data.Dataset`.

        Args:
            epoch: from 0.
            replica: its number.

        Returns:
            Of what the network reads, float32 `[batch, size, size, 3]`, targets `[batch, labels]`, weights `[batch]`.
        """
        seed, order = self._seed(epoch), self._order(epoch)
        shares = draw_shares(len(order), self.fit.mixup, seed) if self.fit.mixup else np.ones(len(order), np.float32)

        @as_written
        def take(step: Any, drawn: Any) -> Any:
            return self._take(tf.constant(seed, tf.int64), step, *drawn, replica=replica)

        drawn = tf.data.Dataset.from_tensor_slices((order, self._weights(order)[order], shares))
        steps = drawn.batch(self.fit.batch).enumerate()
        changed = steps.map(take, num_parallel_calls=len(os.sched_getaffinity(0)), deterministic=True)
        return changed.prefetch(2).with_options(_untuned())

    @as_written
    def _changed_share(self, seed: Any, step: Any, index: Any, weights: Any, share: Any, *, replica: int) -> Any:
        """A replica's part of a batch, changed: pixels, targets, weights."""
        if self._replicas == 1:
            return self._changed(seed, step, index, weights, share)
        count = tf.size(index)
        places, factors = share_of_batch(count, replica, self._replicas)
        extra = 0
        if self.fit.mixup:
            places, extra = with_partner(places, count), 1
        parts = (tf.gather(part, places) for part in (index, weights, share))
        changed, wanted, heavy = (part[extra:] for part in self._changed(seed, step * self._replicas + replica, *parts))
        return changed, wanted, heavy * factors

    def _changed(self, seed: Any, step: Any, index: Any, weights: Any, share: Any) -> Any:
        chosen = tf.gather(self._pixels, index)
        changed = as_read(self.network, augment(chosen, self._changes, tf.stack([seed, step])))
        batch = changed, tf.gather(self._targets, index), weights
        return mix(*batch, share) if self.fit.mixup else batch

    @as_written
    def _replica_steps(self, *shares: Any) -> Any:
        losses = self._strategy.run(self._train_step, shares)
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    @as_written
    def _train_step(self, pixels: Any, targets: Any, weights: Any) -> Any:
        if self._teacher is None:
            smooth = self.fit.label_smoothing
            wanted = targets * (1.0 - smooth) + smooth / self.network.output_shape[-1]
        else:
            wanted = self._teacher(pixels, training=False)
        with tf.GradientTape() as tape:
            answer = tf.clip_by_value(self.network(pixels, training=True), 1e-6, 1.0)
            loss = tf.reduce_mean(-tf.reduce_sum(wanted * tf.math.log(answer), axis=1) * weights)
            total = loss + sum(self.network.losses) / self._replicas
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        if self._replicas > 1:
            average_statistics(self.network)
        done = tf.cast(self.optimizer.iterations, tf.float32)
        momentum = tf.minimum(self.fit.average, (1.0 + done) / (10.0 + done))
        for average, weight in zip(self.averages, self.network.weights, strict=True):
            if average.dtype.is_floating:
                average.assign(average * momentum + weight * (1.0 - momentum))
            else:
                average.assign(weight)
        return loss


def _untuned() -> Any:
    """Options of a dataset whose parallelism is given: what tunes it would hold up an epoch's end for seconds."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _traced_once(step: Callable[..., Any], network: Any) -> Any:
    """A graph of a training step for batches of any length."""
    batch = [[None, *network.input_shape[1:]], [None, network.output_shape[-1]], [None]]
    return tf.function(step, input_signature=[tf.TensorSpec(shape, tf.float32) for shape in batch])


class _WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Linear rise, then a cosine down to 0 (Loshchilov and Hutter 2017, arXiv 1608.03983)."""

    def __init__(self, peak: float, *, warmup: int, total: int) -> None:
        self._peak, self._warmup, self._total = peak, warmup, total

    def __call__(self, step: Any) -> Any:
        step = tf.cast(step, tf.float32)
        rise = (step + 1.0) / max(self._warmup, 1)
        done = (step - self._warmup) / max(self._total - self._warmup, 1)
        fall = 0.5 * (1.0 + tf.cos(math.pi * tf.clip_by_value(done, 0.0, 1.0)))
        return self._peak * tf.where(step < self._warmup, rise, fall)

    def get_config(self) -> dict[str, Any]:
        """For Keras, which saves optimizers."""
        return {"peak": self._peak, "warmup": self._warmup, "total": self._total}


def predict(network: Any, pixels: PixelArray) -> Floats:
    """Runs a network over prepared pixels.

    Args:
        network: a `keras.Model` that reads what `network_input` makes.
        pixels: uint8 `[n, size, size, 3]`.

    Returns:
        float32 `[n, labels]` probabilities.
    """
    parts = [
        network(network_input(network, pixels[i : i + PREDICT_BATCH]), training=False).numpy()
        for i in range(0, len(pixels), PREDICT_BATCH)
    ]
    return np.concatenate(parts)
