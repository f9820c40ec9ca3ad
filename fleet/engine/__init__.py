"""Who runs what when. One thread owns the run; each host's walk through a play is a fiber of that thread (see hub.py)."""
