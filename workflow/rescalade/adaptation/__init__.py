"""The adaptation phase: a causal language model learns to predict through the pooling's own activation."""
