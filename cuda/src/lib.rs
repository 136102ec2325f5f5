//! CUDA kernels and a stwo backend over them: empty until the GPU backend is built.
