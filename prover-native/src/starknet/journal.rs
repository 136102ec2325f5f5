//! The journal: what was signed, before it is sent, and what became of it.
//!
//! A journal is a folder with the file `submissions.jsonl`, one JSON record a line, only ever
//! appended to, under the file's lock and flushed to the disk before the writer goes on. A record
//! either describes a signed transaction or a new state of one. A process that dies while writing
//! leaves a torn last line, which the next writer cuts off. The signed transactions are in there, so
//! the folder is readable by its owner only; the key is not.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What is known of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Signed; it may have been sent or not.
    Signed,
    /// The node has confirmed that it has it.
    Sent,
    /// Accepted by the contract and paid.
    Paid,
    /// The contract emitted `ProofRejected`; the transaction succeeded.
    Rejected,
    /// The transaction was reverted.
    Reverted,
    /// The events contradict an accepted and paid submission.
    Contradiction,
    /// The node refused it; it was not executed.
    Refused,
    /// Another transaction has its nonce: it can never be executed.
    Superseded,
}

impl State {
    /// Whether the outcome is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Signed | Self::Sent)
    }

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Sent => "sent",
            Self::Paid => "paid",
            Self::Rejected => "rejected",
            Self::Reverted => "reverted",
            Self::Contradiction => "contradiction",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }
}

/// A signed transaction. Felts are hexadecimal, amounts decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Hash of the transaction, computed before it is sent.
    pub hash: String,
    /// The chain.
    pub chain_id: String,
    /// The account.
    pub account: String,
    /// The account's nonce in the transaction.
    pub nonce: String,
    /// Number of the job.
    pub job: String,
    /// Payment in units of `10^-18` SAGE.
    pub amount: String,
    /// Poseidon hash of `proof_data`.
    pub proof_hash: String,
    /// The most that the fee can be, in units of `10^-18` STRK.
    pub most_fee: String,
    /// The transaction as it is sent, signature included.
    pub transaction: serde_json::Value,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record {
    Signed {
        time: u64,
        #[serde(flatten)]
        signed: Signed,
    },
    State {
        time: u64,
        hash: String,
        state: State,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
}

/// A submission as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The transaction.
    pub signed: Signed,
    /// Its last state.
    pub state: State,
    /// What was said of that state.
    pub note: String,
    /// When it was signed, in seconds since 1970.
    pub signed_at: u64,
    /// When the last state was recorded, in seconds since 1970.
    pub updated_at: u64,
}

/// Why the journal cannot be used. Nothing is sent without one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refuses.
    #[error("{}: {source}; nothing is sent without a journal", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not a record.
    #[error("{}: line {line} is not a record of the journal ({reason}); repair or move the file", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
}

/// A journal.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

/// Holds an account: nobody else with this journal takes a nonce of it meanwhile.
#[derive(Debug)]
pub struct AccountLock(#[expect(dead_code, reason = "the lock lives as long as the file")] File);

impl Journal {
    /// The journal in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|e| io(folder, e))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("submissions.jsonl")
    }

    /// Waits for an account and holds it.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn lock_account(&self, account: &str) -> Result<AccountLock, JournalError> {
        let path = self.folder.join(format!("{account}.lock"));
        let file = private(OpenOptions::new().create(true).append(true), &path)?;
        file.lock().map_err(|e| io(&path, e))?;
        Ok(AccountLock(file))
    }

    /// Records a signed transaction. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn sign(&self, signed: &Signed) -> Result<(), JournalError> {
        self.append(&Record::Signed {
            time: now(),
            signed: signed.clone(),
        })
    }

    /// Records a new state of a transaction.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn mark(&self, hash: &str, state: State, note: &str) -> Result<(), JournalError> {
        let (hash, note) = (hash.to_owned(), note.to_owned());
        self.append(&Record::State {
            time: now(),
            hash,
            state,
            note,
        })
    }

    fn append(&self, record: &Record) -> Result<(), JournalError> {
        let path = self.path();
        let fail = |e| io(&path, e);
        let mut file = private(
            OpenOptions::new().create(true).read(true).append(true),
            &path,
        )?;
        file.lock().map_err(fail)?;
        let whole = whole_lines(&mut file).map_err(fail)?;
        file.set_len(whole).map_err(fail)?;
        let mut line = serde_json::to_vec(record).map_err(|e| fail(e.into()))?;
        line.push(b'\n');
        file.write_all(&line).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        // The file's name must be on the disk too.
        File::open(&self.folder)
            .and_then(|f| f.sync_all())
            .map_err(fail)
    }

    /// All submissions, oldest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn entries(&self) -> Result<Vec<Entry>, JournalError> {
        let path = self.path();
        let mut text = String::new();
        match File::open(&path) {
            Ok(mut file) => {
                file.lock_shared().map_err(|e| io(&path, e))?;
                let whole = whole_lines(&mut file).map_err(|e| io(&path, e))?;
                file.seek(SeekFrom::Start(0)).map_err(|e| io(&path, e))?;
                file.take(whole)
                    .read_to_string(&mut text)
                    .map_err(|e| io(&path, e))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(&path, error)),
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let wrong = |reason: String| JournalError::Line {
                path: path.clone(),
                line: number + 1,
                reason,
            };
            match serde_json::from_str(line).map_err(|e| wrong(e.to_string()))? {
                Record::Signed { time, signed } => entries.push(Entry {
                    signed,
                    state: State::Signed,
                    note: String::new(),
                    signed_at: time,
                    updated_at: time,
                }),
                Record::State {
                    time,
                    hash,
                    state,
                    note,
                } => {
                    let entry = entries.iter_mut().rev().find(|e| e.signed.hash == hash);
                    let entry = entry.ok_or_else(|| wrong(format!("{hash} was never signed")))?;
                    (entry.state, entry.note, entry.updated_at) = (state, note, time);
                }
            }
        }
        Ok(entries)
    }
}

fn io(path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Opens a file that only its owner reads.
fn private(options: &mut OpenOptions, path: &Path) -> Result<File, JournalError> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path).map_err(|e| io(path, e))
}

/// Length of a file without a torn last line.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    const BLOCK: u64 = 4096;
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        (&*file).take(end - start).read_to_end(&mut block)?;
        if let Some(position) = block.iter().rposition(|b| *b == b'\n') {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(hash: &str) -> Signed {
        Signed {
            hash: hash.into(),
            chain_id: "0x1".into(),
            account: "0x2".into(),
            nonce: "0x3".into(),
            job: "4".into(),
            amount: "5".into(),
            proof_hash: "0x6".into(),
            most_fee: "7".into(),
            transaction: serde_json::json!({ "type": "INVOKE", "filler": "x".repeat(9000) }),
        }
    }

    #[test]
    fn states_follow_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("a/b")).expect("a journal");
        assert_eq!(journal.entries().expect("readable"), []);
        journal.sign(&signed("0xa")).expect("written");
        journal.sign(&signed("0xb")).expect("written");
        journal.mark("0xa", State::Sent, "").expect("written");
        journal
            .mark("0xa", State::Rejected, "stwo_verification_failed")
            .expect("written");
        let entries = journal.entries().expect("readable");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].signed, signed("0xa"));
        assert_eq!(
            (entries[0].state, &*entries[0].note),
            (State::Rejected, "stwo_verification_failed")
        );
        assert!(!entries[0].state.is_open());
        assert_eq!(entries[1].state, State::Signed);
        assert!(entries[1].state.is_open());
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path()).expect("a journal");
        journal.sign(&signed("0xa")).expect("written");
        for torn in ["{\"record\":\"sig", &"y".repeat(5000)] {
            let mut file = OpenOptions::new()
                .append(true)
                .open(journal.path())
                .expect("the file");
            file.write_all(torn.as_bytes()).expect("written");
            assert_eq!(journal.entries().expect("readable").len(), 1);
            journal.mark("0xa", State::Sent, "").expect("written");
            assert_eq!(journal.entries().expect("readable")[0].state, State::Sent);
        }
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path()).expect("a journal");
        journal.sign(&signed("0xa")).expect("written");
        std::fs::write(journal.path(), "{}\n").expect("written");
        let error = journal.entries().expect_err("no record");
        assert!(
            matches!(error, JournalError::Line { line: 1, .. }),
            "{error}"
        );
        std::fs::remove_file(journal.path()).expect("removed");
        journal.mark("0xc", State::Sent, "").expect("written");
        let error = journal.entries().expect_err("an unknown hash");
        assert!(
            error.to_string().contains("0xc was never signed"),
            "{error}"
        );
    }

    #[test]
    fn writers_of_one_journal_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path()).expect("a journal");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let journal = &journal;
                scope.spawn(move || {
                    for i in 0..10 {
                        journal
                            .sign(&signed(&format!("0x{writer}{i}")))
                            .expect("written");
                    }
                });
            }
        });
        assert_eq!(journal.entries().expect("readable").len(), 40);
    }
}
