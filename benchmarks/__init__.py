"""Benchmarks that anybody can run: `make bench-migrate`, `bench-reads`, `bench-assign`, `bench-bulk`, `bench-start`."""
