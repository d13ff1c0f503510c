"""SQL written to be nasty to a scanner."""
