"""Train and serve your own algorithm in a container, anywhere."""
