"""Training a sparse retriever: batches, loss, checkpoints, devices."""
