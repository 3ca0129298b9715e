//! Lock tokens: random UUIDs as URIs (RFC 4918 §6.5, RFC 9562 §5.4).

use std::hash::{BuildHasher, RandomState};

/// Makes a token, which is unique and cannot be guessed: `RandomState` has 128 random bits of the system as its key.
pub fn fresh_token() -> String {
    let random = RandomState::new();
    let halves = [0u8, 1].map(|half| u128::from(random.hash_one(half)));
    let bits = halves.into_iter().fold(0, |bits, half| bits << 64 | half);
    let uuid = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{uuid:032x}");
    let part = |range| digits.get(range).unwrap_or_default();
    let parts = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)];
    format!("urn:uuid:{}", parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_random_uuid() {
        let token = fresh_token();
        let shape = regex::Regex::new(
            "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        );
        assert!(shape.unwrap().is_match(&token), "{token}");
        assert_ne!(token, fresh_token());
    }
}
