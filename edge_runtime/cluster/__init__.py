"""One run spread over many machines by dask.distributed; imported only where --cluster is given."""
