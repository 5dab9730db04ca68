"""The table from pixel to optical density, which the contract carries to the device."""

import math

# Pixels darker than this are no cell: more than two pixels from the rim of C-NMC's 6,272 cells, less than one value in
# a million is below it.
DARKEST = 10


def density_table() -> tuple[int, ...]:
    """Optical density -log10(pixel / 255) of every pixel value, brought to 0..255; 255 is that of the darkest cell.

    The background is black because nothing is there, so 0 is no stain, not the most. So are the values up to
    `DARKEST`: by the formula the noise that JPEG leaves on black, and the rim where cell and background are averaged,
    would be the densest stain in the picture. No stain being 0, the padding of convolutions is background too.

    Returns:
        256 values, uint8.
    """
    densest = math.log10(255 / DARKEST)
    return tuple(round(255 * math.log10(255 / pixel) / densest) if pixel >= DARKEST else 0 for pixel in range(256))
