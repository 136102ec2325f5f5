//! Makes the tests load the `libcuda.so` that cargo builds beside them, before any other on the library path.

fn main() {
    // A runpath would come after the path that cargo sets, where an older build of the stand-in may lie.
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags,-rpath,$ORIGIN");
}
