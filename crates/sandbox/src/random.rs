//! Deterministic randomness: the same seed and number give the same draw on every machine.

/// The finalizer of splitmix64: a good 64-bit hash of a 64-bit number.
pub(crate) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A 64-bit hash of bytes (FNV-1a, finished with [`mix`]).
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(fnv)
}

/// A number below `bound`, from a hash.
pub(crate) fn below(hash: u64, bound: usize) -> usize {
    usize::try_from(hash % bound.max(1) as u64).unwrap_or(0)
}

/// A number in `0..1`, from a hash.
pub(crate) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
