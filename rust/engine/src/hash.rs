//! MurmurHash3 x86 32-bit, fed in parts so that a seed string is never built.

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// `MurmurHash3_x86_32` over bytes that arrive in parts.
///
/// A copy keeps everything written so far, so the part of a seed string that is the same for
/// every user is written once, when settings are compiled.
///
/// Source: Austin Appleby's `MurmurHash3_x86_32`, in the public domain; pinned by the vectors in
/// `vwo/hash.jsonl` and `pagesense/hash-buckets.json`.
///
/// # Examples
///
/// ```
/// use sortition_engine::hash::{Murmur3, murmur3_32};
///
/// let mut campaign = Murmur3::with_seed(1);
/// campaign.write(b"228_");
/// let mut user = campaign;
/// user.write(b"Ashley");
/// assert_eq!(user.finish(), murmur3_32(b"228_Ashley", 1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Murmur3 {
    state: u32,
    length: u32,
    /// The bytes of an unfinished block, lowest byte first.
    tail: u32,
    /// How many bytes `tail` holds, `0..=3`.
    tail_length: u32,
}

impl Murmur3 {
    /// A hash of no bytes yet, with this hash seed.
    #[must_use]
    pub const fn with_seed(hash_seed: u32) -> Self {
        Self {
            state: hash_seed,
            length: 0,
            tail: 0,
            tail_length: 0,
        }
    }

    /// Adds these bytes to what is hashed.
    pub fn write(&mut self, bytes: &[u8]) {
        // The function counts its length in 32 bits, so a longer one wraps.
        self.length = self.length.wrapping_add(low_32_bits(bytes.len()));
        let mut rest = bytes;
        while self.tail_length != 0 {
            let Some((&first, others)) = rest.split_first() else {
                return;
            };
            rest = others;
            self.push_tail(first);
        }
        let blocks = rest.chunks_exact(4);
        let remainder = blocks.remainder();
        for block in blocks {
            let mut word = [0; 4];
            word.copy_from_slice(block);
            self.mix(u32::from_le_bytes(word));
        }
        for &byte in remainder {
            self.push_tail(byte);
        }
    }

    /// The hash of everything written so far.
    #[must_use]
    pub fn finish(&self) -> u32 {
        let mut hash = self.state;
        if self.tail_length != 0 {
            hash ^= scramble(self.tail);
        }
        hash ^= self.length;
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }

    fn push_tail(&mut self, byte: u8) {
        self.tail |= u32::from(byte) << (8 * self.tail_length);
        self.tail_length += 1;
        if self.tail_length == 4 {
            let block = self.tail;
            self.tail = 0;
            self.tail_length = 0;
            self.mix(block);
        }
    }

    fn mix(&mut self, block: u32) {
        self.state ^= scramble(block);
        self.state = self
            .state
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
}

/// The hash of one string of bytes.
#[must_use]
pub fn murmur3_32(bytes: &[u8], hash_seed: u32) -> u32 {
    let mut hash = Murmur3::with_seed(hash_seed);
    hash.write(bytes);
    hash.finish()
}

const fn scramble(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

fn low_32_bits(length: usize) -> u32 {
    u32::try_from(length & 0xffff_ffff).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values published with the reference implementation's many ports.
    #[test]
    fn known_answers() {
        assert_eq!(murmur3_32(b"", 0), 0);
        assert_eq!(murmur3_32(b"", 1), 0x514e_28b7);
        assert_eq!(murmur3_32(b"", u32::MAX), 0x81f1_6f39);
        assert_eq!(murmur3_32(&[0xff; 4], 0), 0x7629_3b50);
        assert_eq!(murmur3_32(&[0x21, 0x43, 0x65, 0x87], 0), 0xf55b_516b);
        assert_eq!(
            murmur3_32(&[0x21, 0x43, 0x65, 0x87], 0x5082_edee),
            0x2362_f9de
        );
        assert_eq!(murmur3_32(&[0x21, 0x43, 0x65], 0), 0x7e4a_8634);
        assert_eq!(murmur3_32(&[0x21, 0x43], 0), 0xa0f7_b07a);
        assert_eq!(murmur3_32(&[0x21], 0), 0x7266_1cf4);
        assert_eq!(murmur3_32(&[0; 4], 0), 0x2362_f9de);
        assert_eq!(murmur3_32(&[0; 3], 0), 0x85f0_b427);
    }

    #[test]
    fn every_way_to_cut_a_string_hashes_the_same() {
        let text = "4040_Ж漢🙂_user".as_bytes();
        let whole = murmur3_32(text, 1);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut parts = Murmur3::with_seed(1);
                parts.write(&text[..first]);
                parts.write(&text[first..second]);
                parts.write(&text[second..]);
                assert_eq!(parts.finish(), whole, "cut at {first} and {second}");
            }
        }
    }
}
