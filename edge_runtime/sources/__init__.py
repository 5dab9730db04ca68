"""Where pictures come from; every source yields `Frame`."""
