//! The commands as a user runs them: files, messages, exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/models")
}

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let command = Command::new(env!("CARGO_BIN_EXE_stwo-ml"))
        .args(args)
        .current_dir(folder)
        .output();
    let Output {
        status,
        stdout,
        stderr,
    } = command.expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        status.code().expect("an exit code"),
        text(stdout),
        text(stderr),
    )
}

#[test]
fn compiles_proves_verifies_and_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let path = |name: &str| models().join(name).to_string_lossy().into_owned();
    let (onnx, digits, digit) = (path("mlp.onnx"), path("digits.npz"), path("digit.npy"));

    let (code, out, err) = run(
        folder,
        &[
            "compile",
            &onnx,
            "--calibrate",
            &digits,
            "-o",
            "mlp.stwoml",
            "--report",
        ],
    );
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("top-1 agreement"), "{out}");
    let (code, _, err) = run(
        folder,
        &[
            "compile",
            &onnx,
            "--calibrate",
            &digits,
            "--check",
            "mlp.vk",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let (code, _, _) = run(
        folder,
        &[
            "compile",
            &onnx,
            "--calibrate",
            &digits,
            "--check",
            "mlp.vk",
            "--shift",
            "11",
        ],
    );
    assert_eq!(code, 1, "another compilation has another key");

    let (code, out, err) = run(
        folder,
        &[
            "prove",
            "mlp.stwoml",
            "--input",
            &digit,
            "-o",
            "proof.bin",
            "--json",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["ok"], true);
    assert!(
        report["security"]["pointwise"]["bits"]
            .as_f64()
            .expect("bits")
            > 100.0
    );

    let verify = |proof: &str, more: &[&str]| {
        let args = [&["verify", "--vk", "mlp.vk", proof][..], more].concat();
        run(folder, &args)
    };
    let (code, out, err) = verify(
        "proof.bin",
        &["--input", &digit, "--output", "proof.output.npy"],
    );
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("valid"), "{out}");
    assert_eq!(verify("proof.bin", &["--model-digest", "00"]).0, 2);
    // Another input than the proof's: every pixel zero.
    let zeros = ndarray::Array4::<f32>::zeros((1, 1, 28, 28));
    ndarray_npy::write_npy(folder.join("zeros.npy"), &zeros).expect("a file");
    let (code, _, err) = verify("proof.bin", &["--input", "zeros.npy"]);
    assert_eq!(code, 1);
    assert!(err.contains("its input is not"), "{err}");

    let mut bytes = std::fs::read(folder.join("proof.bin")).expect("the proof");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.join("damaged.bin"), &bytes).expect("a file");
    assert_ne!(verify("damaged.bin", &[]).0, 0);
    std::fs::write(folder.join("cut.bin"), &bytes[..middle]).expect("a file");
    assert_eq!(verify("cut.bin", &[]).0, 2);
    assert_eq!(verify("absent.bin", &[]).0, 2);

    // Inputs that the model cannot take.
    let wrong = ndarray::Array1::<f32>::zeros(3);
    ndarray_npy::write_npy(folder.join("wrong.npy"), &wrong).expect("a file");
    let (code, _, err) = run(folder, &["prove", "mlp.stwoml", "--input", "wrong.npy"]);
    assert_eq!(code, 2);
    assert!(err.contains("[3]") && err.contains("[1, 784]"), "{err}");
    let nan = ndarray::Array2::<f32>::from_elem((1, 784), f32::NAN);
    ndarray_npy::write_npy(folder.join("nan.npy"), &nan).expect("a file");
    let (code, _, err) = run(folder, &["prove", "mlp.stwoml", "--input", "nan.npy"]);
    assert_eq!(code, 2);
    assert!(err.contains("element 0 is NaN"), "{err}");
    let (code, _, err) = run(folder, &["prove", "mlp.vk", "--input", &digit]);
    assert_eq!(code, 2);
    assert!(err.contains("wrong_magic"), "{err}");
    let (code, _, err) = run(
        folder,
        &[
            "compile",
            &path("ops/unsupported_lstm.onnx"),
            "--calibrate",
            &digits,
        ],
    );
    assert_eq!(code, 2);
    assert!(
        err.contains("LSTM") && err.contains("supported are"),
        "{err}"
    );
    assert_eq!(run(folder, &["inspect", "mlp.vk"]).0, 0);
    assert_eq!(run(folder, &["inspect", "proof.bin"]).0, 2);
    assert_eq!(
        run(folder, &["inspect", "proof.bin", "--vk", "mlp.vk"]).0,
        0
    );
    assert_eq!(run(folder, &["inspect", "zeros.npy"]).0, 2);
}

#[test]
fn the_demo_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, err) = run(folder.path(), &["demo"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("says 1"), "{out}");
}

/// `stwo-ml inspect ... | head`: the reader of the output has gone.
#[test]
fn survives_a_closed_pipe() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let key = models().join("../vectors/small.vk");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stwo-ml"));
    let status = command.arg("inspect").arg(key).stdout(writer).status();
    assert_eq!(status.expect("the binary runs").code(), Some(0));
}

/// Arrays whose header promises what the file does not hold, and one without axes.
#[test]
fn refuses_damaged_arrays() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let npy = |shape: &str, data: &[u8]| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        let header = format!("{header:<117}\n");
        [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), data].concat()
    };
    let onnx = models().join("mlp.onnx").to_string_lossy().into_owned();
    for (shape, data, cause) in [
        ("(1099511627776,)", &[][..], "missing"),
        ("(784,)", &[0; 12], "missing"),
        ("(1, 784)", &[0; 4 * 785], "extra"),
        ("(4294967296, 4294967296)", &[], "overflow"),
        ("()", &[0; 4], "does not fit"),
    ] {
        let bytes = npy(shape, data);
        std::fs::write(folder.join("array.npy"), &bytes).expect("a file");
        let mut npz = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        npz.start_file("array.npy", zip::write::SimpleFileOptions::default())
            .expect("an entry");
        std::io::Write::write_all(&mut npz, &bytes).expect("its content");
        let npz = npz.finish().expect("an archive").into_inner();
        std::fs::write(folder.join("array.npz"), &npz[..]).expect("a file");
        std::fs::write(folder.join("cut.npz"), &npz[..npz.len() - 9]).expect("a file");
        for (file, cause) in [("array.npy", cause), ("array.npz", cause), ("cut.npz", "")] {
            let (code, _, err) = run(folder, &["compile", &onnx, "--calibrate", file]);
            assert_eq!(code, 2, "{file} of shape {shape}: {err}");
            assert!(err.contains(cause), "{file} of shape {shape}: {err}");
        }
    }
}
