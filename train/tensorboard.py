"""The curves of a run for TensorBoard: one small event file an epoch, so that no epoch stands twice after a resume."""

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from train.files import writing

FOLDER = "tensorboard"
_SUFFIX = ".epoch-"
# As tensorboard's own `scalar_summary` marks a curve; the package itself is needed to look at one only.
_SCALARS = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR"
)


def write_epoch(run: Path, epoch: int, values: Mapping[str, float]) -> None:
    """Adds one epoch to the curves; what an interrupted run left of this epoch or a later one is removed.

    Args:
        run: the folder of the run.
        epoch: from 1.
        values: one number per curve, by its name.

    Raises:
        TrainError: it cannot be written.
    """
    folder = run / FOLDER
    with writing(folder):
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            _, is_ours, number = path.name.rpartition(_SUFFIX)
            if is_ours and number.isdecimal() and int(number) >= epoch:
                path.unlink()
        writer = tf.summary.create_file_writer(str(folder), filename_suffix=f"{_SUFFIX}{epoch}")
        with writer.as_default(step=epoch):
            for name, value in values.items():
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALARS)
        writer.close()
