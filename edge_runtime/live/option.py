"""The option `--live`; imported with the command, so it imports nothing but click."""

import click

DEFAULT_PORT = 8000
DEFAULT_ADDRESS = f"127.0.0.1:{DEFAULT_PORT}"

live_option = click.option(
    "--live",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value=DEFAULT_ADDRESS,
    help="Serve a page with the camera's picture, its cells and a count, at a port, HOST:PORT or :PORT (bare: "
    f"{DEFAULT_ADDRESS}). Beyond this machine it demands a token. Rows go to --output alone.",
)
