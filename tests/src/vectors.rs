//! The vectors: proof files with the verdict on them, for every verifier.
//!
//! `tests/vectors/<key>.vk` is a key, `<key>.proof` a valid proof under it, and `<folder>/` holds
//! hostile proofs: a first line `expected: <code>`, then the bytes of the proof file. Tests make
//! all of them; with `UPDATE_VECTORS=1` they write them, otherwise they compare.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use stwo_ml_verifier::{Vk, encode_file, verify_file};

/// A hostile proof file.
#[derive(Debug)]
pub struct Attack {
    /// Name of the attack and of its file.
    pub name: &'static str,
    /// Code of the error that stops it.
    pub code: &'static str,
    /// The proof file.
    pub file: Vec<u8>,
}

/// A key, a valid proof file, and attacks.
#[derive(Debug)]
pub struct Vectors {
    /// Name of the key's files.
    pub key: &'static str,
    /// Folder of the attacks.
    pub folder: &'static str,
    /// The key.
    pub vk: Vk,
    /// The valid proof file.
    pub honest: Vec<u8>,
    /// The attacks.
    pub attacks: Vec<Attack>,
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

impl Vectors {
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = vec![
            (root().join(format!("{}.vk", self.key)), self.vk.encode()),
            (
                root().join(format!("{}.proof", self.key)),
                self.honest.clone(),
            ),
        ];
        files.extend(self.attacks.iter().map(|a| {
            let header = format!("expected: {}\n", a.code).into_bytes();
            let path = root().join(self.folder).join(a.name);
            (path, [&header[..], &a.file].concat())
        }));
        files
    }

    /// Asserts that every attack meets its error, and that the files are those of the
    /// repository (or writes them).
    pub fn check(&self) {
        let (statement, _) = verify_file(&self.vk, &self.honest).expect("an honest proof");
        let (decoded, proof) = stwo_ml_verifier::decode_file(&self.vk, &self.honest).unwrap();
        assert_eq!(decoded, statement);
        assert_eq!(encode_file(&statement, &proof), self.honest);
        for attack in &self.attacks {
            let error = verify_file(&self.vk, &attack.file).expect_err(attack.name);
            assert_eq!(error.code(), attack.code, "{}: {error}", attack.name);
        }
        let files = self.files();
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            let folder = root().join(self.folder);
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            files
                .iter()
                .for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        }
        for (path, bytes) in &files {
            let committed = fs::read(path).unwrap_or_default();
            assert!(
                committed == *bytes,
                "{} is not what the tests make",
                path.display()
            );
        }
        let listed: BTreeSet<_> = fs::read_dir(root().join(self.folder))
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        let made: BTreeSet<_> = files.into_iter().skip(2).map(|(path, _)| path).collect();
        assert_eq!(listed, made, "files in {}", self.folder);
    }
}
