"""Which peers there are, and what each needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A way from a file to a label.

    Attributes:
        name: for the table.
        module: of `benchmarks.peers`; has `open_peer(model: Path) -> Look`.
        distribution: whose version the report names.
        imports: what it takes beside what the runtime needs, from the extra `peers`.
        own: what is installed into an environment of its own instead; empty where it can live beside the rest.
        newest_python: the minor version after which the registry has no wheels of it; None where it has.
    """

    name: str
    module: str
    distribution: str
    imports: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    newest_python: int | None = None


OURS = Peer("edge-classify", "ours", "ai-edge-litert")
BARE = Peer("bare LiteRT loop", "bare_litert", "ai-edge-litert")
# tflite-runtime wants numpy 1, with which OpenCV 4.11 is the last that works.
TFLITE_RUNTIME = Peer(
    "bare tflite-runtime loop",
    "bare_tflite_runtime",
    "tflite-runtime",
    own=("tflite-runtime>=2.14", "numpy<2", "opencv-python-headless>=4.11"),
    newest_python=11,
)
# MediaPipe brings opencv-contrib-python, which writes over the headless cv2.
MEDIAPIPE = Peer("MediaPipe ImageClassifier", "mediapipe_tasks", "mediapipe", own=("mediapipe>=0.10.21",))
PEERS = (
    OURS,
    BARE,
    Peer("TensorFlow's label_image", "label_image", "tensorflow", ("tensorflow", "PIL")),
    Peer("ONNX Runtime", "onnx", "onnxruntime", ("onnxruntime", "tf2onnx", "tensorflow")),
    MEDIAPIPE,
    TFLITE_RUNTIME,
)
