"""A real rtsp camera: `python3 rtsp_server.py PORT CODEC`, GStreamer's server with a moving test picture.

Run by the distribution's own Python, which has the bindings (python3-gi, gir1.2-gst-rtsp-server-1.0).
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

# smpte has a field of noise, so no two frames are the same.
_SOURCE = "videotestsrc is-live=true pattern=smpte ! video/x-raw,width=320,height=240,framerate=25/1"
_CODECS = {
    "jpeg": "videoconvert ! video/x-raw,format=I420 ! jpegenc ! rtpjpegpay name=pay0 pt=26",
    "h264": "videoconvert ! x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96 config-interval=1",
}


def main(port: str, codec: str) -> None:
    """Serves until it is killed."""
    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {_SOURCE} ! {_CODECS[codec]} )")
    factory.set_shared(True)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/field", factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
