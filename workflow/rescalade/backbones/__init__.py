"""Making the masked language models to start from: pretrained, copied, fetched, inflated."""
