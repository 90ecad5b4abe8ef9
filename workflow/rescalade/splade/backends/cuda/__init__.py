"""Back end `triton`: kernels for CUDA, which Triton's interpreter also runs on a CPU for tests."""
