"""The SPLADE pooling over a language model, with its back ends."""
