//! Tests of the calls: they are read back, and nothing else is.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const ADDRESSES: Addresses = Addresses {
    gate: Felt::ONE,
    verifier: Felt::TWO,
    router: Felt::THREE,
    token: Felt::ONE,
};

fn job() -> Job {
    Job {
        id: U256::from(7),
        worker: Felt::from(0xdeadu32),
        client: Felt::from(0xc0ffeeu32),
        amount: U256::from(1),
        usd: U256::ZERO,
        privacy: true,
    }
}

fn any_u256() -> impl Strategy<Value = U256> {
    (any::<u128>(), 1u128..).prop_map(|(low, high)| U256 { low, high })
}

fn any_felt() -> impl Strategy<Value = Felt> {
    any::<[u8; 31]>().prop_map(|bytes| Felt::from_byte_slice_be(&bytes).unwrap())
}

fn any_job() -> impl Strategy<Value = Job> {
    let accounts = (1u128.., 1u128..).prop_map(|(w, c)| (Felt::from(w), Felt::from(c)));
    let amounts = (any_u256(), any_u256(), any_u256());
    (accounts, amounts, any::<bool>()).prop_map(|(accounts, amounts, privacy)| {
        let ((worker, client), (id, amount, usd)) = (accounts, amounts);
        Job {
            id,
            worker,
            client,
            amount,
            usd,
            privacy,
        }
    })
}

proptest! {
    #[test]
    fn calls_are_read_back(job in any_job(), proof_data in vec(any_felt(), 0..80), io in 1u64..) {
        let io = Felt::from(io);
        let made = calls(&ADDRESSES, &job, &proof_data, io).unwrap();
        let calldata = execute_calldata(&made);
        let read = parse_execute_calldata(&calldata).unwrap();
        prop_assert_eq!(&read[..], &made[..]);
        let submission = Submission::parse(&read).unwrap();
        prop_assert_eq!(submission.job, job);
        prop_assert_eq!(submission.proof_data, proof_data);
        prop_assert_eq!(submission.io, io);
        // Cut anywhere, or with a felt more, it is no list of calls.
        for cut in 0..calldata.len() {
            prop_assert!(parse_execute_calldata(&calldata[..cut]).is_err());
        }
        let longer = [&calldata[..], &[Felt::ONE]].concat();
        prop_assert!(parse_execute_calldata(&longer).is_err());
    }

    #[test]
    fn a_changed_argument_is_noticed(call in 0usize..4, index in 0usize..40) {
        let proof_data = [Felt::TWO; 32];
        let mut made = calls(&ADDRESSES, &job(), &proof_data, Felt::THREE).unwrap();
        let original = Submission::parse(&made).unwrap();
        let length = made[call].calldata.len();
        made[call].calldata[index % length] += Felt::THREE;
        // Repeated arguments contradict each other; single ones make another submission.
        prop_assert_ne!(Submission::parse(&made), Ok(original));
    }
}

#[test]
fn the_order_is_fixed() {
    let mut made = calls(&ADDRESSES, &job(), &[Felt::ONE; 32], Felt::ONE).unwrap();
    made.swap(2, 3);
    assert!(Submission::parse(&made).is_err());
    assert!(Submission::parse(&made[..3]).is_err());
}

#[test]
fn limits() {
    let with = |addresses, job, felts: usize| {
        let data = std::vec![Felt::ONE; felts];
        calls(&addresses, &job, &data, Felt::ONE).map(|_| ())
    };
    assert_eq!(with(ADDRESSES, job(), MAX_STORED_FELTS), Ok(()));
    let stored = StarknetError::Stored {
        limit: 1950,
        got: 1951,
    };
    assert_eq!(with(ADDRESSES, job(), 1951), Err(stored));
    let missing = |what| Err(StarknetError::Missing { what });
    let zero = Felt::ZERO;
    for (addresses, what) in [
        (
            Addresses {
                gate: zero,
                ..ADDRESSES
            },
            "address of ProofGatedPayment",
        ),
        (
            Addresses {
                verifier: zero,
                ..ADDRESSES
            },
            "address of StwoVerifier",
        ),
        (
            Addresses {
                router: zero,
                ..ADDRESSES
            },
            "address of PaymentRouter",
        ),
        (
            Addresses {
                token: zero,
                ..ADDRESSES
            },
            "address of the SAGE token",
        ),
    ] {
        assert_eq!(with(addresses, job(), 32), missing(what));
    }
    for (job, what) in [
        (
            Job {
                worker: zero,
                ..job()
            },
            "address of the worker",
        ),
        (
            Job {
                client: zero,
                ..job()
            },
            "address of the client",
        ),
        (
            Job {
                id: U256::ZERO,
                ..job()
            },
            "job id",
        ),
        (
            Job {
                amount: U256::ZERO,
                ..job()
            },
            "amount",
        ),
    ] {
        assert_eq!(with(ADDRESSES, job, 32), missing(what));
    }
    // 2^251 is a felt and no address; the greatest address is one less.
    let limit = Felt::from_hex_be(&std::format!("0x8{}", "0".repeat(62))).unwrap();
    let range = StarknetError::Range {
        what: "address of the worker",
        bits: 251,
    };
    assert_eq!(
        with(
            ADDRESSES,
            Job {
                worker: limit,
                ..job()
            },
            32
        ),
        Err(range)
    );
    assert_eq!(
        with(
            ADDRESSES,
            Job {
                worker: limit - Felt::ONE,
                ..job()
            },
            32
        ),
        Ok(())
    );
    let unbound = calls(&ADDRESSES, &job(), &[Felt::ONE; 32], zero);
    assert_eq!(
        unbound,
        Err(StarknetError::Missing {
            what: "input-output commitment"
        })
    );
}

/// The limit counts every felt of `__execute__`, whatever the calls.
#[test]
fn a_transaction_has_5000_felts() {
    let with = |felts| Call {
        to: Felt::ONE,
        selector: Felt::ONE,
        calldata: std::vec![Felt::ONE; felts],
    };
    assert_eq!(check_calldata(&[with(4996)]), Ok(()));
    assert_eq!(check_calldata(&[with(4000), with(993)]), Ok(()));
    let error = Err(StarknetError::Calldata {
        limit: 5000,
        got: 5001,
    });
    assert_eq!(check_calldata(&[with(4997)]), error);
    assert_eq!(check_calldata(&[with(4000), with(994)]), error);
}
