"""Handwritten digits (scikit-learn's), learned by one process or by as many as torchrun starts.

Nothing here is SageMaker's: torchrun tells the ranks, and the toolkit's variables where data is.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


def load(folder: str) -> tuple[torch.Tensor, torch.Tensor]:
    """All CSV files of a folder: the digit, then 64 grey values from 0 to 16."""
    rows = [np.loadtxt(path, delimiter=",") for path in sorted(glob.glob(f"{folder}/*.csv"))]
    table = torch.tensor(np.concatenate(rows), dtype=torch.float32)
    return table[:, 1:] / 16, table[:, 0].long()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.2)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    # Made before the process group: the first optimizer imports more of PyTorch 2.13, and a process
    # group that is there then outlives its end, so that the process may abort at its own.
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

    together = "RANK" in os.environ
    if together:
        distributed.init_process_group("gloo")
    rank = distributed.get_rank() if together else 0
    size = distributed.get_world_size() if together else 1
    features, labels = load(os.environ["SM_CHANNEL_TRAINING"])
    features, labels = features[rank::size], labels[rank::size]
    print(f"rank={rank} of {size} rows={len(labels)}", flush=True)

    learner = DistributedDataParallel(model) if together else model
    for _ in range(args.epochs):
        optimizer.zero_grad()
        nn.functional.cross_entropy(learner(features), labels).backward()
        optimizer.step()
    # It holds the group too: as the last to let go, with Python's lock in hand, it waits for a
    # thread of PyTorch 2.13 that may be waiting for the lock.
    del learner

    weights = torch.cat([value.detach().flatten() for value in model.parameters()])
    digest = hashlib.sha256(weights.numpy().tobytes()).hexdigest()
    print(f"rank={rank} weights={digest[:16]}", flush=True)
    if rank == 0:
        features, labels = load(os.environ["SM_CHANNEL_TEST"])
        accuracy = (model(features).argmax(1) == labels).float().mean().item()
        print(f"accuracy={accuracy:.4f}", flush=True)
        torch.save(model.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
    if together:
        distributed.barrier()
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
