"""`python -m container_toolkit.training` is `train`."""

from container_toolkit.training.train import main

if __name__ == "__main__":
    main()
